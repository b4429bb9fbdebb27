import { errorCode, InputError, type InputIssue, TspackError } from "../errors.ts";
import { TomlSyntaxError } from "../toml.ts";
import { systemMessage } from "./system-message.ts";

/** Whether an error is of the operating system: a full disk, a missing right. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(errorCode(error) ?? "");
}

/**
 * The error that a phase ends with: `failed to <action>: …` with the phase's own code. What says
 * already how it ends, `keep`, and bugs, which need their stack, stay as they are.
 */
export function phaseError(
  error: unknown,
  code: TspackError["code"],
  action: string,
  keep: readonly TspackError["code"][],
): unknown {
  if (error instanceof TspackError) {
    if (error.code === "CANCELED" || keep.includes(error.code)) return error;
    return new TspackError(code, `failed to ${action}: ${error.message}`, { cause: error, hint: error.hint });
  }
  if (!isSystemError(error)) return error;
  return new TspackError(code, `failed to ${action}: ${reasonOf(error)}`, { cause: error });
}

/**
 * What is wrong, in the words that platforms know from the reference implementation: what it prints
 * for bad TOML, else the error's own message.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof TomlSyntaxError) return error.referenceMessage;
  if (error instanceof InputError) return typeReason(error.issues[0]) ?? error.message;
  if (isSystemError(error)) {
    return `${error.syscall ?? "access"} ${error.path ?? ""}: ${systemMessage(error)}`.replace(" :", ":");
  }
  return error instanceof Error ? error.message : String(error);
}

const kinds: Readonly<Record<string, string>> = {
  "a string": "string",
  "true or false": "boolean",
  "an integer": "integer",
  "an array of strings": "slice",
  "an array of tables": "slice",
  "a table": "struct",
};

/** `toml: line 2 (last key "types.launch"): incompatible types: …`, when a value has the wrong type. */
function typeReason(issue: InputIssue | undefined): string | undefined {
  if (issue === undefined) return undefined;
  const line = /:(\d+):\d+$/.exec(issue.source)?.[1];
  const wanted = kinds[issue.expected];
  const got = kindOf(issue.got);
  if (line === undefined || wanted === undefined || got === undefined) return undefined;
  const key = issue.path.replaceAll(/\[\d+\]/g, "");
  return `toml: line ${line} (last key "${key}"): incompatible types: TOML value has type ${got}; destination has type ${wanted}`;
}

function kindOf(got: string): string | undefined {
  if (got.startsWith('"')) return "string";
  if (got === "an array") return "[]any";
  if (got === "a table") return "map[string]any";
  return /^(integer|boolean|date)\b/.exec(got)?.[1] ?? (got.startsWith("number") ? "float" : undefined);
}
