import { basename } from "node:path";
import type { PhaseCommand } from "../options.ts";

/** Programs of the lifecycle and the phases that they are. Platform specification, "Phases". */
const programs: Readonly<Record<string, PhaseCommand>> = {
  analyzer: "analyze",
  detector: "detect",
  restorer: "restore",
  builder: "build",
  exporter: "export",
  creator: "create",
  rebaser: "rebase",
  extender: "extend",
};

/** The phase that a program is: the starter of the distribution says by `@NAME` how it was called, else its path does. */
export function phaseOfProgram(program: string, first: string | undefined): PhaseCommand | undefined {
  return programs[first?.startsWith("@") === true ? first.slice(1) : basename(program).replace(/\.[^.]*$/, "")];
}

/** The part of the lifecycle that has the phase that is asked for; Node compiles a third of the code for that of two. */
export function partOfPhase(program: string, argv: readonly string[]): "buildpacks" | "lifecycle" {
  const [first, second] = argv;
  const phase = phaseOfProgram(program, first) ?? (first?.startsWith("@") === true ? second : first);
  return phase === "detect" || phase === "build" ? "buildpacks" : "lifecycle";
}
