// Compiles lifecycle/deflate, which is AssemblyScript, for whoever bundles or runs what imports it:
// `import { deflateModule } from ".../deflate/deflate.wasm"` is the WebAssembly module in base64.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "lifecycle/deflate");
const wanted = /\/deflate\.wasm$/;

/** Pages of 64 KiB that `memory.ts` lays out. */
const pages = "42";

const options = [
  ...["--runtime", "stub", "--noAssert", "-O3", "--converge"],
  // The memory is imported, so that who runs the module has it.
  ...["--importMemory", "--initialMemory", pages, "--maximumMemory", pages, "--memoryBase", "1024"],
  // Addresses are 32 bits here and always will be.
  ...["--disableWarning", "201"],
];

/** What compiling depends on. */
function fingerprint() {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules/assemblyscript/package.json"), "utf8"));
  const sources = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const hash = createHash("sha256").update(JSON.stringify([version, options]));
  for (const name of sources.toSorted()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 32);
}

/** The module's bytes in base64. Compiling takes some seconds, so the result is kept where npm's packages are. */
async function compiled() {
  const kept = join(root, "node_modules/.cache/tspack", `deflate-${fingerprint()}`);
  if (existsSync(kept)) return readFileSync(kept, "latin1");
  const module = await compile();
  try {
    mkdirSync(dirname(kept), { recursive: true });
    // Others may compile at the same time.
    writeFileSync(`${kept}.${process.pid}`, module);
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    // A folder that nobody may write to: the next one compiles again.
  }
  return module;
}

async function compile() {
  const { default: asc } = await import("assemblyscript/asc");
  const made = new Map();
  const messages = [];
  const { error } = await asc.main([join(folder, "deflate.ts"), "--outFile", "deflate.wasm", ...options], {
    stderr: { write: (text) => void messages.push(text) },
    writeFile: (name, contents) => void made.set(name, contents),
  });
  const bytes = made.get("deflate.wasm");
  if (error !== null || bytes === undefined) throw new Error(`lifecycle/deflate: ${messages.join("")}`);
  return Buffer.from(bytes).toString("base64");
}

async function source() {
  return `export const deflateModule = ${JSON.stringify(await compiled())};\n`;
}

/** For esbuild. */
export const deflateForEsbuild = {
  name: "deflate",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: wanted }, () => ({ path: "deflate.wasm", namespace: "deflate" }));
    onLoad({ filter: /./, namespace: "deflate" }, async () => ({ contents: await source() }));
  },
};

/** For Vite, with which the tests run. */
export const deflateForVite = {
  name: "deflate",
  enforce: "pre",
  resolveId: (id) => (wanted.test(id) ? "\0deflate.wasm.js" : undefined),
  load: (id) => (id === "\0deflate.wasm.js" ? source() : undefined),
};
