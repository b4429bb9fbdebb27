import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError, type InputIssue } from "../../errors.ts";

/** What is wrong with a directory that results go to, before anything is done for them. */
export function directoryIssues(option: string, path: string | undefined): readonly InputIssue[] {
  const got = path === undefined ? undefined : problemOf(path);
  return got === undefined ? [] : [{ source: option, path: "", expected: "a directory, or nothing yet", got }];
}

/** Of what is not there, the nearest directory above is where it will be made. */
function problemOf(path: string): string | undefined {
  const info = found(path);
  if (info === undefined) return problemOf(dirname(path));
  if (!info.isDirectory()) return `${path}, which is a file`;
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `${path}, where this user may not write`;
  }
}

/** Below a file, and where this user may not look, there is nothing either. */
function found(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Refuses such a directory. Throws `INVALID_ARGUMENTS`. */
export function checkDirectory(option: string, path: string | undefined): void {
  const issues = directoryIssues(option, path);
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "results can not be written there", issues);
}
