import type { BuildpackPlan, BuildPlan, Plan, PlanEntry, PlanSections, Require } from "./files/plan.ts";
import { elementName, type GroupElement } from "./files/group.ts";
import { TspackError } from "../errors.ts";

/** A buildpack or extension whose `bin/detect` passed, with the plan that it wrote. */
export interface PlanParticipant {
  readonly element: GroupElement;
  readonly plan: BuildPlan;
}

/** One step of the resolution, in the reference's order, so that a log can tell why a try failed. */
export type PlanStep =
  | { readonly kind: "try"; readonly number: number }
  | {
      /** `skip` leaves an optional element out, `fail` ends the try. */
      readonly kind: "skip" | "fail";
      readonly element: GroupElement;
      readonly reason: "requires" | "provides unused";
      readonly name: string;
    }
  | { readonly kind: "fail"; readonly reason: "no viable buildpacks" };

/** The result of `resolvePlan`. Elements of the group and providers are no longer marked optional. */
export type PlanResolution =
  | {
      readonly kind: "pass";
      readonly group: readonly GroupElement[];
      readonly plan: Plan;
      readonly steps: readonly PlanStep[];
    }
  | { readonly kind: "fail"; readonly steps: readonly PlanStep[] };

interface TrialElement {
  readonly element: GroupElement;
  readonly sections: PlanSections;
}

/**
 * Finds the first combination of alternatives in which everything required is provided by the same
 * element or one before it, and everything provided is required. Optional elements that would be in
 * the way are left out, but only with their last alternative. Buildpack specification, build plan.
 *
 * The combinations grow with the product of all numbers of alternatives, so the search is bounded:
 * throws `INVALID_PLAN` when it has looked at more than plans of any real order have.
 */
export function resolvePlan(participants: readonly PlanParticipant[]): PlanResolution {
  const steps: PlanStep[] = [];
  let number = 0;
  let work = 0;
  for (const trial of trials(participants)) {
    number += 1;
    const told: PlanStep[] = [{ kind: "try", number }];
    const resolved = runTrial(trial, told);
    for (const step of told) if (resolved !== undefined || steps.length < keptSteps) steps.push(step);
    if (resolved !== undefined) return { kind: "pass", ...resolved, steps };
    work += trial.reduce((sum, { sections }) => sum + 1 + sections.requires.length + sections.provides.length, 0);
    if (work > mostWork) throw tooManyTries(number, participants);
  }
  return { kind: "fail", steps };
}

/** Elements, requirements and provisions looked at in all tries: some seconds of one processor. */
const mostWork = 20_000_000;

/** Of the tries that failed; the log of a long search needs no more. */
const keptSteps = 100_000;

function tooManyTries(tries: number, participants: readonly PlanParticipant[]): TspackError {
  const combinations = participants.reduce((product, { plan }) => product * (1 + plan.or.length), 1);
  const most = [...participants].sort((a, b) => b.plan.or.length - a.plan.or.length).slice(0, 3);
  const names = most.map(({ element, plan }) => `${elementName(element)} (${1 + plan.or.length})`).join(", ");
  const message = `the build plans have ${combinations} combinations of alternatives, and none of the first ${tries} resolves`;
  return new TspackError("INVALID_PLAN", message, { hint: `the plans with the most alternatives are of ${names}` });
}

/** The combinations of alternatives; those of the last element change fastest. */
function* trials(participants: readonly PlanParticipant[]): Generator<readonly TrialElement[]> {
  const [first, ...others] = participants;
  if (first === undefined) {
    yield [];
    return;
  }
  const alternatives: readonly PlanSections[] = [first.plan, ...first.plan.or];
  for (const [index, sections] of alternatives.entries()) {
    const isLast = index === alternatives.length - 1;
    const element = { ...first.element, optional: first.element.optional === true && isLast };
    for (const rest of trials(others)) yield [{ element, sections }, ...rest];
  }
}

interface Resolved {
  readonly group: readonly GroupElement[];
  readonly plan: Plan;
}

function runTrial(start: readonly TrialElement[], steps: PlanStep[]): Resolved | undefined {
  for (let trial = start; ;) {
    const dependencies = collect(trial);
    const unmet = [...unmetOf(dependencies, "requires"), ...unmetOf(dependencies, "provides unused")];
    if (unmet.length === 0) return finish(trial, dependencies, steps);
    for (const { element, reason, name } of unmet) {
      const kind = element.optional === true ? "skip" : "fail";
      steps.push({ kind, element, reason, name });
      if (kind === "fail") return undefined;
      trial = trial.filter((other) => other.element !== element);
    }
  }
}

function finish(
  trial: readonly TrialElement[],
  dependencies: ReadonlyMap<string, Dependency>,
  steps: PlanStep[],
): Resolved | undefined {
  if (trial.length === 0) {
    steps.push({ kind: "fail", reason: "no viable buildpacks" });
    return undefined;
  }
  const entries = [...dependencies.values()].map(({ providers, requires }): PlanEntry => ({
    providers: providers.map(provider),
    requires,
  }));
  return { group: trial.map(({ element }) => withoutOptional(element)), plan: { entries } };
}

interface Dependency {
  readonly providers: GroupElement[];
  readonly requires: Require[];
  /** Required when nobody before had provided it. */
  readonly early: GroupElement[];
  /** Provided and not required since. */
  readonly extra: GroupElement[];
}

/** Names in the order in which they first appear, each with who provides and who requires it. */
function collect(trial: readonly TrialElement[]): ReadonlyMap<string, Dependency> {
  const dependencies = new Map<string, Dependency>();
  const find = (name: string): Dependency => {
    const known = dependencies.get(name);
    if (known !== undefined) return known;
    const created: Dependency = { providers: [], requires: [], early: [], extra: [] };
    dependencies.set(name, created);
    return created;
  };
  for (const { element, sections } of trial) {
    for (const { name } of sections.provides) find(name).extra.push(element);
    for (const require of sections.requires) {
      const dependency = find(require.name);
      for (const provides of dependency.extra.splice(0)) dependency.providers.push(provides);
      if (dependency.providers.length === 0) dependency.early.push(element);
      else dependency.requires.push(require);
    }
  }
  return dependencies;
}

interface Unmet {
  readonly element: GroupElement;
  readonly reason: "requires" | "provides unused";
  readonly name: string;
}

function unmetOf(dependencies: ReadonlyMap<string, Dependency>, reason: Unmet["reason"]): readonly Unmet[] {
  return [...dependencies].flatMap(([name, { early, extra }]) =>
    (reason === "requires" ? early : extra).map((element) => ({ element, reason, name })),
  );
}

function provider({ id, version, extension }: GroupElement): GroupElement {
  return extension === true ? { id, version, extension } : { id, version };
}

function withoutOptional({ optional: _optional, ...element }: GroupElement): GroupElement {
  return element;
}

/** The line that the reference logs for a step. */
export function planStepText(step: PlanStep): string {
  if (step.kind === "try") return `Resolving plan... (try #${step.number})`;
  if (step.reason === "no viable buildpacks") return "fail: no viable buildpacks in group";
  return `${step.kind}: ${elementName(step.element)} ${step.reason} ${step.name}`;
}

/**
 * What is wrong with a plan although it can be read, in the reference's words; undefined when nothing
 * is. A top-level `version` is no longer allowed, and extensions may not require.
 */
export function buildPlanProblem(plan: BuildPlan, element: GroupElement): string | undefined {
  const subject = `${element.extension === true ? "extension" : "buildpack"} ${element.id}`;
  const requires = [plan, ...plan.or].flatMap((sections) => sections.requires);
  if (element.extension === true && requires.length > 0) return `${subject} outputs "requires" which is not allowed`;
  if (requires.some(({ version }) => version !== undefined && version !== "")) {
    return `${subject} has a "version" key which is not supported. "metadata.version" should be used instead`;
  }
  return undefined;
}

/** What one buildpack or extension has to provide: all requirements of the entries that name it. */
export function planFor(plan: Plan, element: Pick<GroupElement, "id" | "extension">): BuildpackPlan {
  const isIt = ({ id, extension }: GroupElement): boolean =>
    id === element.id && (extension ?? false) === (element.extension ?? false);
  return {
    entries: plan.entries.filter(({ providers }) => providers.some(isIt)).flatMap(({ requires }) => requires),
  };
}

/** The plan without the entries whose names were met, for the buildpacks that follow. */
export function withoutMet(plan: Plan, met: readonly string[]): Plan {
  const names = new Set(met);
  return { entries: plan.entries.filter(({ requires }) => !requires.some(({ name }) => names.has(name))) };
}

/** The names that a buildpack met: what it got, less what its `build.toml` says is unmet. */
export function metNames(plan: BuildpackPlan, unmet: readonly { readonly name: string }[]): readonly string[] {
  const left = new Set(unmet.map(({ name }) => name));
  return plan.entries.map(({ name }) => name).filter((name) => !left.has(name));
}
