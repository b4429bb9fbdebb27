import { decodeToml } from "../../decode.ts";
import { fields, type TomlDocument, type TomlTable, writeToml } from "../../toml.ts";

/** `store.toml`: what a buildpack keeps from build to build. Buildpack specification. */
export interface StoreToml {
  /** `undefined` when the file has none (`null` in labels). */
  readonly metadata: TomlTable | undefined;
}

/** Reads `store.toml`. Throws `INVALID_LAYER`. */
export function decodeStoreToml(document: TomlDocument): StoreToml {
  return decodeToml(document, { code: "INVALID_LAYER" }, (root) => ({ metadata: root.freeTable("metadata") }));
}

/** Writes `store.toml`. */
export function encodeStoreToml({ metadata }: StoreToml): string {
  return writeToml(fields({ metadata }));
}
