import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Copies the bills of materials that export gathered: `sbom/launch/…`, `sbom/build/…` and
 * `sbom/cache/…` in the directory, where test suites of buildpacks look for them. The source holds
 * regular files only: `refuseTraps` has looked.
 */
export async function copySboms(layersDir: string, outputDir: string): Promise<void> {
  await mkdir(outputDir, { recursive: true });
  const source = join(layersDir, "sbom");
  if (existsSync(source)) await cp(source, join(outputDir, "sbom"), { recursive: true, force: true });
}
