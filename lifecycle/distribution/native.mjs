// Compiles the C programs and the library that guards the lifecycle, for this machine's architecture and for those that a cross
// compiler is installed for: dist/native/linux-<arch>/<program>.
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const programs = {
  launcher: "lifecycle/launcher/launcher.c",
  starter: "lifecycle/distribution/starter.c",
  "guard.so": "lifecycle/distribution/guard.c",
  "sandbox-init": "lifecycle/platform/runners/sandbox/sandbox-init.c",
};

/** Compilers by architecture (the name that OCI uses), the one with the smallest result first. */
const compilers = {
  amd64: { native: "x64", names: ["musl-gcc", "cc", "gcc"], cross: ["x86_64-linux-musl-gcc", "x86_64-linux-gnu-gcc"] },
  arm64: {
    native: "arm64",
    names: ["musl-gcc", "cc", "gcc"],
    cross: ["aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc"],
  },
};

// No build id and no debug paths: the same source gives the same bytes.
const flags = [
  "-std=c99 -Os -Wall -Wextra -Werror -s",
  "-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -Wl,--gc-sections -Wl,--build-id=none",
].flatMap((line) => line.split(" "));

/** Programs need nothing beside them; a library that is loaded before the C library needs none. */
const linking = (name) => (name.endsWith(".so") ? ["-shared", "-fPIC", "-nostdlib"] : ["-static"]);

const hint = [
  "tspack builds its launcher, a small static C program, and found no C compiler",
  "  Debian, Ubuntu   apt-get install gcc musl-tools",
  "  Fedora           dnf install gcc glibc-static",
  "  Alpine           apk add gcc musl-dev",
].join("\n");

/** The name of a compiler for an architecture, undefined when none is installed. */
export function findCompiler(arch) {
  const { native, names, cross } = compilers[arch];
  const here = process.platform === "linux" && process.arch === native;
  return [...(here ? names : []), ...cross].find(isInstalled);
}

/** What a compiler needs besides the flags that all share. */
function ownFlags(compiler, arch) {
  const triple = /^(\w+)-linux-gnu-gcc$/.exec(compiler)?.[1];
  // Debian's musl-dev of another architecture makes the cross compiler one for musl: 50 KB instead of 600.
  const specs = `/usr/lib/${triple}-linux-musl/musl-gcc.specs`;
  return [
    ...(triple !== undefined && existsSync(specs) ? ["-specs", specs] : []),
    // Pages of 64 KiB would be filled up to the next one before the data that is made read-only.
    ...(arch === "arm64" ? ["-Wl,-z,norelro"] : []),
  ];
}

function isInstalled(name) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const mtime = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Compiles what is older than its source; without any compiler an error that names the packages. */
export async function buildNative({ root, output }) {
  if (process.platform === "linux" && !Object.keys(compilers).some((arch) => findCompiler(arch) !== undefined)) {
    throw new Error(hint);
  }
  const jobs = [];
  for (const arch of Object.keys(compilers)) {
    const compiler = findCompiler(arch);
    if (compiler === undefined) continue;
    const folder = join(output, `linux-${arch}`);
    mkdirSync(folder, { recursive: true });
    for (const [name, file] of Object.entries(programs)) {
      const [source, target] = [join(root, file), join(folder, name)];
      if (mtime(source) > mtime(target))
        jobs.push(compile(compiler, [...ownFlags(compiler, arch), ...linking(name)], source, target));
    }
  }
  await Promise.all(jobs);
}

/** Other people may run the old program meanwhile: the new one is renamed into place. */
async function compile(compiler, extra, source, target) {
  const fresh = `${target}.new-${process.pid}`;
  try {
    await run(compiler, [...extra, ...flags, "-o", fresh, source]);
  } catch (error) {
    throw new Error(`${compiler} could not compile ${source}\n${error.stderr ?? ""}${staticHint(error.stderr)}`, {
      cause: error,
    });
  }
  renameSync(fresh, target);
}

function staticHint(stderr) {
  return /cannot find -lc|crt1\.o|stdio\.h/.test(stderr ?? "")
    ? `\nthe C library for static programs is missing:\n${hint}`
    : "";
}
