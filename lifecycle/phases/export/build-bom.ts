import { join } from "node:path";
import type { BomEntry } from "../../cnb/files/bom.ts";
import { decodeBuildToml } from "../../cnb/files/build-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import type { ExportInputs } from "./inputs.ts";
import { ownDirectory } from "./own-directory.ts";
import { readOptional } from "./read-optional.ts";

/** The legacy BOM of the build image, which `report.toml` had below Platform API 0.9. */
export function buildBom({ features, buildpacks, layers }: ExportInputs): readonly BomEntry[] {
  if (!features.reportBom) return [];
  return buildpacks.flatMap(({ id, version }) => {
    const path = join(ownDirectory(layers, escapeId(id)), "build.toml");
    return readOptional(path, (document) => decodeBuildToml(document, { id, version }))?.bom ?? [];
  });
}
