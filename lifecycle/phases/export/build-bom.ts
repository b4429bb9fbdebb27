import { join } from "node:path";
import type { BomEntry } from "../../cnb/files/launch-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import { readBuildToml } from "../files.ts";
import type { ExportInputs } from "./inputs.ts";
import { ownDirectory } from "./own-directory.ts";

/** The legacy BOM of the build image, which `report.toml` had below Platform API 0.9. */
export function buildBom({ features, buildpacks, layers }: ExportInputs): readonly BomEntry[] {
  if (!features.reportBom) return [];
  return buildpacks.flatMap(({ id, version, api }) => {
    const path = join(ownDirectory(layers, escapeId(id)), "build.toml");
    const entries = readBuildToml(path, api)?.bom ?? [];
    return entries.map((entry) => ({ ...entry, buildpack: { id, version } }));
  });
}
