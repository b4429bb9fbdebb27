import { TspackError } from "../errors.ts";

/** So many are told again at the end; more would hide the first. */
const mostTold = 5;

interface Refusal {
  readonly text: string;
  hint?: string;
}

type Output = (line: string, stream: "stdout" | "stderr") => void;

/**
 * Runs a detect phase, or one that detects, too. What it throws when detection failed (`DETECT_FAILED`,
 * `DETECT_ERROR`) has as causes what buildpacks said that know the application and can not build it: a
 * line `ERROR: …` and the line `hint: …` after it. Among what thirty buildpacks write nobody finds them.
 */
export async function withDetectRefusals<J extends { readonly output: Output }, T>(
  job: J,
  run: (told: J) => Promise<T>,
): Promise<T> {
  const refusals = new Map<string, Refusal>();
  const read = reader(refusals);
  const output: Output = (line, stream) => {
    read(line);
    job.output(line, stream);
  };
  try {
    return await run({ ...job, output });
  } catch (error) {
    throw explained(error, [...refusals.values()]);
  }
}

function reader(refusals: Map<string, Refusal>): (line: string) => void {
  let buildpack: string | undefined;
  let last: Refusal | undefined;
  return (line) => {
    const [, title, name] = /^======== (Output|Error|Results)(?:: (.+))? ========$/.exec(line) ?? [];
    if (title !== undefined) [buildpack, last] = [title === "Output" ? name : undefined, undefined];
    if (buildpack === undefined) return;
    const [, kind, said = ""] = /^(ERROR|hint): (.{1,1000})/.exec(line) ?? [];
    if (kind === "ERROR") {
      last = refusals.get(said) ?? { text: `${buildpack}: ${said}` };
      if (refusals.size < mostTold) refusals.set(said, last);
    } else if (kind === "hint" && last !== undefined) last.hint ??= said;
  };
}

function explained(error: unknown, refusals: readonly Refusal[]): unknown {
  if (!(error instanceof TspackError) || !["DETECT_FAILED", "DETECT_ERROR"].includes(error.code)) return error;
  if (refusals.length === 0) return error;
  const cause = refusals.reduceRight<Error | undefined>(
    (next, { text }) => new Error(text, { cause: next }),
    undefined,
  );
  const hint = refusals.find((refusal) => refusal.hint !== undefined)?.hint ?? error.hint;
  return new TspackError(error.code, error.message, { cause, hint });
}
