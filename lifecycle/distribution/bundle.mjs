// Builds everything that `npm run build` and npm's `prepare` promise, into dist/:
//
//   dist/{tspack,lifecycle}.js                 the programs, see programs.mjs
//   dist/compiled/                             what this Node compiles of the programs, see script.ts
//   dist/{index,phases,oci,cnb}.js             the library, split into lazy chunks
//   dist/lifecycle-dist/                       the lifecycle alone, flat, without any node_modules
//   dist/native/linux-<arch>/                  the C programs, see native.mjs
//   dist/buildpacks/                           the buildpacks, each with all its files, see whole-buildpacks.mjs
//
// A plain script, because it runs before there is anything to run TypeScript with.
import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { deflateForEsbuild } from "./deflate-module.mjs";
import { buildNative } from "./native.mjs";
import { bundlePrograms } from "./programs.mjs";
import { wholeBuildpacks } from "./whole-buildpacks.mjs";

const root = resolve(import.meta.dirname, "../..");
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Entry points besides those of the programs, by the name of their output. */
const entries = {
  index: "lifecycle/index.ts",
  phases: "lifecycle/phases.ts",
  oci: "lifecycle/oci/index.ts",
  cnb: "lifecycle/cnb/index.ts",
  "tspack-dist": "lifecycle/cli/tspack-dist.ts",
};

/** What other threads run; they lie beside the chunks that start them. */
const threads = {
  "deflate-worker": "lifecycle/stores/blob-cache/deflate-worker.ts",
  "extract-worker": "lifecycle/layers/extract-worker.ts",
};

/** The commit of this checkout, or of the package that npm packed; never of a repository around it. */
function commit() {
  if (!existsSync(join(root, ".git"))) return "unknown";
  try {
    return execFileSync("git", ["rev-parse", "--short=8", "HEAD"], {
      cwd: root,
      encoding: "utf8",
      stdio: "pipe",
    }).trim();
  } catch {
    return "unknown";
  }
}

/**
 * undici loads HTTP/2, and with it TLS, which takes a tenth of a phase's time, and does without where Node has none.
 * We never ask for it (`allowH2`).
 */
const withoutHttp2 = {
  name: "without-http2",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?http2$/ }, ({ path }) => ({ path, namespace: "without-http2" }));
    onLoad({ filter: /./, namespace: "without-http2" }, () => ({ contents: 'throw new Error("HTTP/2 is left out");' }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  entryNames: "[name]",
  chunkNames: "[name]-[hash]",
  // Node parses less: about 5 ms less for the lifecycle's start.
  minifyWhitespace: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  external: ["@napi-rs/lzma"],
  plugins: [withoutHttp2, deflateForEsbuild],
  define: { TSPACK_VERSION: JSON.stringify(version), TSPACK_COMMIT: JSON.stringify(commit()) },
  // CommonJS packages in the bundle ask for Node's own modules by require().
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
};

/**
 * Node 20 takes a program's own `--env-file` for itself unless `--` stands before the program, and a `#!` line
 * can not say that everywhere. So a shell does: its second line is a string and a comment to Node.
 */
const shellStart = '#!/bin/sh\n":" //;exec node -- "$0" "$@"\n';

/**
 * Bundles entry points and programs, beside their old output, and swaps the files in afterwards. Files with a
 * `#!` line are made executable. Returns what went in.
 */
async function bundle(entryPoints, programs, outdir, { compiled = false } = {}) {
  const staging = `${outdir}.new-${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  const made = [(await build({ ...common, entryPoints, outdir: staging })).metafile];
  made.push(...(await bundlePrograms(programs, common, staging)));
  const inputs = Object.assign({}, ...made.map((metafile) => metafile.inputs));
  for (const name of programs) {
    const file = join(staging, `${name}.js`);
    if (name === "tspack") writeFileSync(file, readFileSync(file, "utf8").replace(/^#!.*\n/, shellStart));
    chmodSync(file, 0o755);
  }
  writeFileSync(join(staging, "THIRD-PARTY-LICENSES.txt"), licenses(inputs));
  mkdirSync(outdir, { recursive: true });
  const fresh = new Set(readdirSync(staging));
  // Chunks go first and stale ones last, so that a program started in between finds its own.
  const last = new Set([...Object.keys(entryPoints), ...programs].map((name) => `${name}.js`));
  for (const name of [...fresh].toSorted((a, b) => Number(last.has(a)) - Number(last.has(b)))) {
    renameSync(join(staging, name), join(outdir, name));
  }
  for (const entry of readdirSync(outdir)) {
    if (/\.c?js$/.test(entry) && !fresh.has(entry)) rmSync(join(outdir, entry));
  }
  rmSync(staging, { recursive: true });
  if (compiled) await compileScripts(outdir);
  return inputs;
}

/**
 * Leaves beside the scripts what this Node compiles of them, which takes it longer than most commands take. For this
 * very Node on this machine: neither the package nor the lifecycle in builders has it.
 */
async function compileScripts(folder) {
  rmSync(join(folder, "compiled"), { recursive: true, force: true });
  const staging = mkdtempSync(join(tmpdir(), "tspack-compile-"));
  const compiler = join(staging, "compile-script.mjs");
  await build({ ...common, splitting: false, entryPoints: ["lifecycle/cli/compile-script.ts"], outfile: compiler });
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".cjs"));
  const run = promisify(execFile);
  // V8's options of somebody's own would be those of the code.
  const env = { ...process.env, NODE_OPTIONS: "" };
  const ended = await Promise.allSettled(
    scripts.map((name) => run(process.execPath, [compiler, join(folder, name)], { env })),
  );
  rmSync(staging, { recursive: true });
  // Programs run without it, and another build at the same time takes files away.
  const failed = ended.find(({ status }) => status === "rejected");
  if (failed !== undefined) console.warn(`not all was compiled ahead: ${failed.reason.message}`);
}

/** The packages that went into the bundle: their folders with what package.json says, sorted. */
function bundledPackages(inputs) {
  const packages = new Set();
  for (const input of Object.keys(inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  return Array.from(packages)
    .toSorted((a, b) => a.localeCompare(b, "en"))
    .map((folder) => ({ folder, meta: JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) }));
}

/** The licence texts of every package that went into the bundle: they ask to be shipped with copies. */
function licenses(inputs) {
  return bundledPackages(inputs)
    .map(({ folder, meta }) => {
      const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
      const text = file === undefined ? "" : readFileSync(join(root, folder, file), "utf8").trim();
      return `${meta.name} ${meta.version} (${meta.license})\n\n${text}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

/** The flat folder has no package above it: without this file Node would parse each module twice. */
async function bundleLifecycle() {
  const folder = join(dist, "lifecycle-dist");
  const made = await bundle(threads, ["lifecycle"], folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
  const components = bundledPackages(made).map(({ meta }) => ({
    name: meta.name,
    version: meta.version,
    license: meta.license,
    purl: `pkg:npm/${meta.name.replace("@", "%40")}@${meta.version}`,
  }));
  // What the distribution's bill of materials is made of; it stays beside the folder.
  writeFileSync(join(dist, "lifecycle-components.json"), `${JSON.stringify(components, undefined, 2)}\n`);
}

// All run to their end, so that a mistake in one leaves the others' results in place.
const results = await Promise.allSettled([
  bundle({ ...entries, ...threads }, ["tspack", "lifecycle"], dist, { compiled: true }),
  bundleLifecycle(),
  buildNative({ root, output: join(dist, "native") }),
  (async () => wholeBuildpacks({ source: join(root, "buildpacks"), output: join(dist, "buildpacks") }))(),
]);
for (const result of results) {
  if (result.status === "fulfilled") continue;
  console.error(result.reason instanceof Error ? result.reason.message : result.reason);
  process.exitCode = 1;
}
