// Programs of tests in TypeScript, which Node 20 does not run: bundled into a temporary file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { deflateForEsbuild } from "../lifecycle/distribution/deflate-module.mjs";

/** Bundles a module, gives `run` its exports and the file, and removes that when `run` has ended. */
export async function withBundle(entry, run) {
  const directory = mkdtempSync(join(tmpdir(), "tspack-program-"));
  const outfile = join(directory, "program.mjs");
  try {
    await build({
      entryPoints: [entry],
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
    await run(await import(outfile), outfile);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
