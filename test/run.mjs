// `npm test`: all tests. Unit tests use all processors, hostile ones need the machine for themselves, and
// the long ones wait for other programs most of their time: two of them run side by side, each with its
// own home. Arguments go to one vitest instead: `npm test -- test/oci`.
import { spawn } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const vitest = resolve(root, "node_modules/vitest/vitest.mjs");
const children = new Set();

// Ctrl-C reaches the children as well, which clean up; this process waits for them.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => children.forEach((child) => child.kill("SIGTERM")));

/** Runs a program of Node; what it prints comes at once, or in one piece at its end. Gives the exit code. */
function node(args, { together = false, env = {} } = {}) {
  const stdio = together ? ["ignore", "pipe", "pipe"] : "inherit";
  const child = spawn(process.execPath, args, { cwd: root, stdio, env: { ...process.env, ...env } });
  children.add(child);
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => printed.push(bytes));
  return new Promise((done) => {
    child.once("close", (code, signal) => {
      children.delete(child);
      process.stdout.write(Buffer.concat(printed));
      done(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

/** Projects one after the other, until the list, which others may take from as well, is empty. */
async function lane(projects, options) {
  const codes = [];
  for (let project = projects.shift(); project !== undefined; project = projects.shift()) {
    if (options.together) process.stdout.write(`\n== tests: ${project} begin; they print when they are done\n`);
    const workers = project === "unit" ? ["--maxWorkers=100%"] : [];
    codes.push(await node([vitest, "run", "--project", project, ...workers], options));
  }
  return codes;
}

async function everything() {
  const alone = await lane(["unit", "hostile"], {});
  // Once for both lanes, which read what it makes.
  const built = await node([resolve(root, "lifecycle/distribution/bundle.mjs")]);
  const options = { together: true, env: { TSPACK_E2E_BUILT: "1" } };
  // The longest first.
  const long = ["e2e-engines", "samples", "e2e", "e2e-buildpacks", "golden"];
  const aside = await Promise.all([lane(long, options), lane(long, options)]);
  return Math.max(...alone, built, ...aside.flat());
}

const given = process.argv.slice(2);
process.exitCode = given.length > 0 ? await node([vitest, "run", ...given]) : await everything();
