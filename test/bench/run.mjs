// `npm run bench [scenario…]`: bundles bench.ts into a temporary file and runs it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { deflateForEsbuild } from "../../lifecycle/distribution/deflate-module.mjs";

const directory = mkdtempSync(join(tmpdir(), "tspack-bench-program-"));
const outfile = join(directory, "bench.mjs");
try {
  await build({
    entryPoints: [join(import.meta.dirname, "bench.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // CommonJS packages in the bundle ask for Node's own modules by require().
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    plugins: [deflateForEsbuild],
    logLevel: "warning",
  });
  const { bench } = await import(outfile);
  await bench(process.argv.slice(2), resolve(import.meta.dirname, "../.."));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
