// Tells Node.js at launch how much memory the container may have: three quarters of the limit of its control group for
// the heap. A limit in the user's own NODE_OPTIONS wins, and without a limit nothing is said. Buildpack specification,
// "Execution of exec.d programs": variables as TOML on file descriptor 3. The launcher gives no argument; tests give the
// root of another file system.
const { readFileSync, writeSync } = require("node:fs");
const { totalmem } = require("node:os");

const SHARE = 0.75;
const MEBIBYTE = 1024 * 1024;
const ROOT = process.argv[2] ?? "";

const read = (file) => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

/** Directories of this process's control group and of those above it, whose limits hold as well. */
const groups = () =>
  read(`${ROOT}/proc/self/cgroup`)
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([number, controllers]) => number === "0" || controllers?.split(",").includes("memory"))
    .map((fields) => fields.slice(2).join(":").split("/"))
    .map((parts) => parts.filter((part) => part !== "" && part !== ".."))
    .flatMap((parts) => parts.map((_, index) => parts.slice(0, parts.length - index).join("/")).concat(""));

const limits = groups()
  .flatMap((group) => [
    read(`${ROOT}/sys/fs/cgroup/${group}/memory.max`),
    read(`${ROOT}/sys/fs/cgroup/memory/${group}/memory.limit_in_bytes`),
  ])
  .filter((text) => /^\d+$/.test(text))
  .map(Number);
const limit = Math.min(...limits);
const options = process.env.NODE_OPTIONS ?? "";

if (limit < totalmem() && !/--max[-_]old[-_]space[-_]size/.test(options)) {
  const heap = `--max-old-space-size=${Math.max(16, Math.floor((limit * SHARE) / MEBIBYTE))}`;
  writeSync(3, `NODE_OPTIONS = ${JSON.stringify(options === "" ? heap : `${options} ${heap}`)}\n`);
}
