import { InputError, type InputIssue, RemoteError, TspackError } from "../errors.ts";
import { printable } from "./console.ts";

/**
 * An error as text for a person: what, every place where, and what to do. The first line is
 * `error CODE: message`; a bug (a plain `Error`) keeps its stack, because we need it.
 */
export function renderError(error: unknown): string {
  if (!(error instanceof TspackError)) return printable(renderBug(error));
  return printable([`error ${error.code}: ${error.message}`, ...errorDetails(error)].join("\n"));
}

/** The lines that follow an error's message: each problem, the other side's answer, causes, the hint. */
export function errorDetails(error: unknown): readonly string[] {
  if (!(error instanceof TspackError)) return [];
  const hint = hintOf(error);
  return [
    ...(error instanceof InputError ? issueLines(error.issues) : []),
    ...(error instanceof RemoteError ? [remoteLine(error)] : []),
    ...causeLines(error),
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ];
}

function renderBug(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: ${text}\nhint: this is a bug in tspack; please report it with the lines above`;
}

function issueLines(issues: readonly InputIssue[]): readonly string[] {
  const width = (pick: (issue: InputIssue) => string): number =>
    Math.min(48, Math.max(0, ...issues.map((issue) => pick(issue).length)));
  const [source, path] = [width((issue) => issue.source), width((issue) => issue.path)];
  return issues.map((issue) => {
    const columns = [issue.source.padEnd(source), ...(path === 0 ? [] : [issue.path.padEnd(path)])];
    const got = issue.got === "" ? "" : `, got ${issue.got}`;
    return `  ${columns.join("  ")}  expected ${issue.expected}${got}`;
  });
}

function remoteLine({ remote }: RemoteError): string {
  const status = remote.status === undefined ? "no answer" : `status ${remote.status}`;
  const code = remote.remoteCode === undefined ? "" : ` ${remote.remoteCode}`;
  return `  ${remote.method} ${remote.url}: ${status}${code} (${remote.side})`;
}

/** The messages of what led to the error, outermost first, without those that it repeats. */
function causeLines(error: TspackError): readonly string[] {
  const lines: string[] = [];
  let said = error.message;
  for (let cause = error.cause; cause instanceof Error && lines.length < 5; cause = cause.cause) {
    if (cause.message !== "" && !said.includes(cause.message)) {
      lines.push(`  because: ${cause.message}`);
      said += cause.message;
    }
    if (cause instanceof InputError) lines.push(...issueLines(cause.issues));
    if (cause instanceof RemoteError) lines.push(remoteLine(cause));
  }
  return lines;
}

/** The nearest hint: the error's own, or that of what caused it. */
function hintOf(error: TspackError): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof TspackError && at.hint !== undefined) return at.hint;
  }
  return undefined;
}
