import { decodeToml } from "../../decode.ts";
import { fields, type TomlDocument, type TomlTable, writeToml } from "../../toml.ts";

/** Where the application's source comes from. */
export interface ProjectSource {
  readonly type?: string | undefined;
  readonly version?: TomlTable | undefined;
  readonly metadata?: TomlTable | undefined;
}

/** `project-metadata.toml`, which a platform writes. Platform specification. */
export interface ProjectMetadata {
  readonly source?: ProjectSource | undefined;
}

/** Reads `project-metadata.toml`. Throws `INVALID_TOML` with the fields. */
export function decodeProjectMetadata(document: TomlDocument): ProjectMetadata {
  return decodeToml(document, { code: "INVALID_TOML" }, (root) => {
    const source = root.optionalTable("source");
    if (source === undefined) return {};
    return {
      source: {
        type: source.string("type"),
        version: source.freeTable("version"),
        metadata: source.freeTable("metadata"),
      },
    };
  });
}

/** Writes `project-metadata.toml`, for a lifecycle in another process. */
export function encodeProjectMetadata({ source }: ProjectMetadata): string {
  if (source === undefined) return "";
  const { type, version, metadata } = source;
  return writeToml(fields({ source: fields({ type, version, metadata }) }));
}
