import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EnvFile } from "../cnb/env.ts";
import { errorCode } from "../errors.ts";

/**
 * The files of a directory of environment files, sorted by name; none when the directory is not
 * there. Directories and FIFOs are left out, also behind a link.
 */
export function readEnvFiles(dir: string): readonly EnvFile[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isFile() ? [{ name, value: readFileSync(path, "utf8") }] : [];
  });
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
