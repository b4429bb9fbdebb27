import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Which of these programs are not on PATH. */
export function missingTools(...names: readonly string[]): readonly string[] {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  return names.filter((name) => !directories.some((directory) => isExecutable(join(directory, name))));
}

/**
 * The end of a test's name and whether it is skipped: a newcomer's machine may lack programs, CI must not.
 */
export function skipWithout(...names: readonly string[]): { readonly skip: boolean; readonly note: string } {
  const missing = missingTools(...names);
  if (missing.length > 0 && process.env["CI"]) throw new Error(`CI lacks ${missing.join(", ")}`);
  return { skip: missing.length > 0, note: missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "" };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
