import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EnvFile } from "../cnb/env.ts";
import { errorCode, TspackError } from "../errors.ts";

/**
 * The files of a directory of environment files, sorted by name; none when the directory is not
 * there. Directories and FIFOs are left out, also behind a link. Throws `INVALID_ENV` for what is far
 * too large, and what the file system throws.
 */
export function readEnvFiles(dir: string): readonly EnvFile[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name);
    const stats = statSync(path);
    if (!stats.isFile()) return [];
    if (stats.size > largestValue) throw tooLarge(path);
    return [{ name, value: readFileSync(path, "utf8") }];
  });
}

/** In bytes. Linux takes 128 KiB for one variable, and says so when a process is started. */
const largestValue = 16 * 1024 * 1024;

function tooLarge(path: string): TspackError {
  return new TspackError("INVALID_ENV", `the environment file ${path} is larger than ${largestValue} bytes`, {
    hint: "a variable can have 128 KiB; larger values belong into a file whose path is the variable",
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
