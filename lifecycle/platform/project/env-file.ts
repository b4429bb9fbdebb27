import { readFileSync } from "node:fs";
import { InputError, type InputIssue } from "../../errors.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Variables of a file, and the names in it that are not set anywhere. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** `NAME` without a value that the environment does not have: left out, as in containers. */
  readonly unset: readonly string[];
}

/**
 * Reads a file of `--env-file`: `NAME=VALUE`, or `NAME` to take it from the environment, one on a
 * line; lines that start with `#` and empty ones do not count. Values are taken as they are,
 * quotes too. The last of the same name counts. Throws `INVALID_ENV` with file and line,
 * `FILE_NOT_FOUND`.
 */
export function readEnvFile(file: string, env: Env): EnvFile {
  return parseEnvFile(readText(file), file, env);
}

/** The same of a text; `source` is what messages call it. Throws `INVALID_ENV` with the lines. */
export function parseEnvFile(text: string, source: string, env: Env): EnvFile {
  const issues: InputIssue[] = [];
  const variables = new Map<string, string>();
  const unset: string[] = [];
  for (const [index, whole] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = whole.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const name = at === -1 ? line.trimEnd() : line.slice(0, at);
    const value = at === -1 ? env[name] : line.slice(at + 1);
    if (!isName(name) || value?.includes("\0") === true) {
      const got = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
      issues.push({ source: `${source}:${index + 1}`, path: "", expected: "NAME=VALUE, or NAME", got });
    } else if (value === undefined) unset.push(name);
    else variables.set(name, value);
  }
  if (issues.length === 0) return { variables: Object.fromEntries(variables), unset };
  throw new InputError("INVALID_ENV", `the variables in ${source} can not be read`, issues, {
    hint: "a line is NAME=VALUE, NAME of a variable that is set, or a comment that starts with #",
  });
}

/** Each variable becomes a file of that name. */
function isName(name: string): boolean {
  return name !== "" && !/[\s/\0]/.test(name) && name !== "." && name !== "..";
}

function readText(file: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(readFileSync(file));
  } catch (cause) {
    const isText = cause instanceof TypeError;
    const expected = isText ? "text in UTF-8" : "a file that can be read";
    const issue = { source: "--env-file", path: "", expected, got: JSON.stringify(file) };
    throw new InputError(isText ? "INVALID_ENV" : "FILE_NOT_FOUND", "the file of --env-file can not be read", [issue], {
      cause,
    });
  }
}
