import { existsSync } from "node:fs";
import { TspackError } from "../errors.ts";

/** A file that an option names. Throws `FILE_NOT_FOUND` with the option's name. */
export function requireFile(path: string, option: string): string {
  if (existsSync(path)) return path;
  throw new TspackError("FILE_NOT_FOUND", `${option}: there is no file ${path}`, {
    hint: "check the path; a relative one starts in the working directory",
  });
}
