/** How one buildpack of a group fared. */
export interface DetectedBuildpack {
  readonly id: string;
  readonly version: string;
  /** `skip`: it is optional and did not pass. */
  readonly result: "pass" | "fail" | "skip" | "error";
  /** Of `bin/detect`, when it went wrong and ended by itself. */
  readonly exitCode?: number | undefined;
  /** What it wrote. */
  readonly output: string;
  /** What is wrong with it beside its exit code: a plan that can not be read, another architecture. */
  readonly problem?: string | undefined;
}

/** A provision or a requirement that nobody has the other half of. */
export interface PlanProblem {
  readonly id: string;
  readonly version: string;
  /** `requires`: nobody provides it; `provides`: nobody requires it. */
  readonly kind: "requires" | "provides";
  readonly name: string;
  /** Whether the group failed by it; an optional buildpack is only left out. */
  readonly fatal: boolean;
}

/** One group of the order that was tried. */
export interface DetectAttempt {
  readonly buildpacks: readonly DetectedBuildpack[];
  /** Problems of the plan, each once: of every try when the group failed, else of the try that passed. */
  readonly plan: readonly PlanProblem[];
}

interface Open {
  readonly buildpacks: DetectedBuildpack[];
  /** Of each try to resolve the plan. */
  readonly tries: PlanProblem[][];
}

/**
 * Reads what a detector says with `-log-level debug`: the same lines from every lifecycle, which have
 * been stable for years. A line that is not understood is passed over. `passed`: the last group did.
 */
export function readDetectResults(lines: readonly string[], passed: boolean): readonly DetectAttempt[] {
  const attempts: Open[] = [];
  let texts = new Map<string, { output: string[]; problem: string[] }>();
  let current: string[] | undefined;
  for (const line of lines) {
    const [, title, name = ""] = /^======== (Output|Error|Results)(?:: (.+))? ========$/.exec(line) ?? [];
    if (title === "Results") {
      attempts.push({ buildpacks: [], tries: [] });
      current = undefined;
    } else if (title !== undefined) {
      // The first text after results belongs to the next group.
      if (attempts.at(-1)?.buildpacks.length !== 0 && current === undefined) texts = new Map();
      const text = texts.get(name) ?? { output: [], problem: [] };
      texts.set(name, text);
      current = title === "Output" ? text.output : text.problem;
    } else if (current !== undefined) current.push(line);
    else readLine(line, attempts.at(-1), texts);
  }
  // A buildpack may write something alike: a group without buildpacks is none.
  const groups = attempts.filter(({ buildpacks }) => buildpacks.length > 0);
  return groups.map(({ buildpacks, tries }, index) => {
    const counted = passed && index === groups.length - 1 ? tries.slice(-1) : tries;
    const distinct = new Map(counted.flat().map((problem) => [JSON.stringify(problem), problem]));
    return { buildpacks, plan: [...distinct.values()] };
  });
}

const words = { pass: "pass", skip: "skip", fail: "fail", err: "error" } as const;

function readLine(
  line: string,
  attempt: Open | undefined,
  texts: ReadonlyMap<string, { readonly output: readonly string[]; readonly problem: readonly string[] }>,
): void {
  if (attempt === undefined) return;
  const [, word, name = "", code] = /^(pass|skip|fail|err): +(\S+@\S+)(?: \((-?\d+)\))?$/.exec(line) ?? [];
  if (word !== undefined) {
    const text = texts.get(name);
    attempt.buildpacks.push({
      ...elementOf(name),
      result: words[word as keyof typeof words],
      ...(code === undefined ? {} : { exitCode: Number(code) }),
      output: text?.output.join("\n") ?? "",
      ...(text === undefined || text.problem.length === 0 ? {} : { problem: text.problem.join("\n") }),
    });
    return;
  }
  if (/^Resolving plan\.\.\. \(try #\d+\)$/.test(line)) attempt.tries.push([]);
  const [, how, who = "", kind, what = ""] =
    /^(fail|skip): (\S+@\S+) (requires|provides unused) (.+)$/.exec(line) ?? [];
  if (how === undefined) return;
  attempt.tries.at(-1)?.push({
    ...elementOf(who),
    kind: kind === "requires" ? "requires" : "provides",
    name: what,
    fatal: how === "fail",
  });
}

function elementOf(name: string): { readonly id: string; readonly version: string } {
  const at = name.lastIndexOf("@");
  return { id: name.slice(0, at), version: name.slice(at + 1) };
}
