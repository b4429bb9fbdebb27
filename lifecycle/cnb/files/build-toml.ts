import { decodeToml } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";
import { type BomEntry, readBom } from "./bom.ts";

/** `build.toml`: what a buildpack left unmet. Buildpack specification. */
export interface BuildToml {
  readonly unmet: readonly { readonly name: string }[];
  /** Buildpack API below 0.9 only. */
  readonly bom: readonly BomEntry[];
}

/** A buildpack that wrote no `build.toml`. */
export const noBuildToml: BuildToml = { unmet: [], bom: [] };

/** Reads `build.toml` of a buildpack; names may be empty, which `checkUnmet` refuses. Throws `INVALID_LAYER`. */
export function decodeBuildToml(document: TomlDocument, buildpack: BomEntry["buildpack"]): BuildToml {
  return decodeToml(document, { code: "INVALID_LAYER" }, (root) => ({
    unmet: root.tables("unmet").map((entry) => ({ name: entry.string("name") ?? "" })),
    bom: readBom(root, buildpack),
  }));
}
