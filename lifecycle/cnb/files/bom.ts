import type { TableReader } from "../../decode.ts";
import { InputError } from "../../errors.ts";
import { fields, type TomlFields, type TomlTable } from "../../toml.ts";
import { freeJson, type JsonOutput } from "../go-json.ts";
import { nonEmpty } from "./group.ts";
import { readRequire, requireFields } from "./plan.ts";

/** An entry of the old, unstructured bill of materials. */
export interface BomEntry {
  readonly name: string;
  readonly version?: string | undefined;
  /** `undefined` when there is none: it is `null` in labels. */
  readonly metadata: TomlTable | undefined;
  readonly buildpack: { readonly id: string; readonly version: string };
}

/** Reads `[[bom]]`; the buildpack is whoever wrote the file, whatever the entry says. */
export function readBom(root: TableReader, buildpack: BomEntry["buildpack"] | undefined): readonly BomEntry[] {
  return root.tables("bom").map((entry) => {
    const named = entry.subTable("buildpack");
    const recorded = { id: named.string("id") ?? "", version: named.string("version") ?? "" };
    return { ...readRequire(entry), buildpack: buildpack ?? recorded };
  });
}

/**
 * Refuses entries with a top-level version. Throws `INVALID_LAYER` with the reference's text.
 * Buildpack specification, "Bill-of-Materials" (deprecated).
 */
export function checkBom(bom: readonly BomEntry[], source: string): void {
  for (const { name, version } of bom) {
    if (nonEmpty(version) === undefined) continue;
    const message = `bom entry '${name}' has a top level version which is not allowed. The buildpack should instead set metadata.version`;
    const issue = { source, path: "bom.version", expected: "nothing", got: JSON.stringify(version) };
    throw new InputError("INVALID_LAYER", message, [issue]);
  }
}

/** An entry as `metadata.toml` and `report.toml` have it. */
export function bomFields(entry: BomEntry): TomlFields {
  const { id, version } = entry.buildpack;
  return fields({ ...Object.fromEntries(requireFields(entry).entries), buildpack: fields({ id, version }) });
}

/** Entries as labels and `sbom.legacy.json` have them: `null` when there are none. */
export function bomJson(bom: readonly BomEntry[]): JsonOutput {
  if (bom.length === 0) return null;
  return bom.map(({ name, version, metadata, buildpack }) => ({
    name,
    version: nonEmpty(version),
    metadata: freeJson(metadata),
    buildpack: { id: buildpack.id, version: buildpack.version },
  }));
}
