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

/** Parts of the lifecycle that lie in files of their own; what else there is runs in all of it. */
export type PhasePart = "buildpacks" | "analyze" | "restore" | "export" | "lifecycle";

const parts: Readonly<Record<string, PhasePart>> = {
  detect: "buildpacks",
  build: "buildpacks",
  analyze: "analyze",
  restore: "restore",
  export: "export",
};

/** The part that has the phase that is asked for, so that Node compiles little else before it starts. */
export function partOfPhase(program: string, argv: readonly string[]): PhasePart {
  const [first = "", second = ""] = argv;
  const phase = phaseOfProgram(program, first) ?? (first.startsWith("@") ? second : first);
  return Object.hasOwn(parts, phase) ? (parts[phase] ?? "lifecycle") : "lifecycle";
}
