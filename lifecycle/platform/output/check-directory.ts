import { existsSync, statSync } from "node:fs";
import { InputError, type InputIssue } from "../../errors.ts";

/** What is wrong with a directory that results go to, before anything is done for them. */
export function directoryIssues(option: string, path: string | undefined): readonly InputIssue[] {
  if (path === undefined || !existsSync(path) || statSync(path).isDirectory()) return [];
  return [{ source: option, path: "", expected: "a directory, or nothing yet", got: `${path}, which is a file` }];
}

/** Refuses such a directory. Throws `INVALID_ARGUMENTS`. */
export function checkDirectory(option: string, path: string | undefined): void {
  const issues = directoryIssues(option, path);
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "results can not be written there", issues);
}
