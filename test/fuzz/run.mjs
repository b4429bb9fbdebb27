// `npm run fuzz [-- target… --seconds 60 --seed 1 --case 17]`: bundles main.ts into a temporary file and runs it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { deflateForEsbuild } from "../../lifecycle/distribution/deflate-module.mjs";

process.chdir(resolve(import.meta.dirname, "../.."));
const directory = mkdtempSync(join(tmpdir(), "tspack-fuzz-program-"));
const outfile = join(directory, "fuzz.mjs");
try {
  await build({
    entryPoints: [join(import.meta.dirname, "main.ts")],
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
  const { fuzz } = await import(outfile);
  process.exitCode = await fuzz(process.argv.slice(2), outfile);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
