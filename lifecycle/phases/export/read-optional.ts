import { existsSync } from "node:fs";
import type { TomlDocument } from "../../toml.ts";
import { readTomlFile } from "../files.ts";

/** Reads and decodes a file that need not be there. Throws what reading and decoding throw. */
export function readOptional<T>(path: string, decode: (document: TomlDocument) => T): T | undefined {
  return existsSync(path) ? decode(readTomlFile(path)) : undefined;
}
