import type { TomlTable } from "../../toml.ts";
import type { GroupElement } from "./group.ts";

/** What a buildpack asks for. Buildpack specification, build plan. */
export interface Require {
  readonly name: string;
  /** Deprecated top-level version, kept for old buildpacks. */
  readonly version?: string;
  readonly metadata: TomlTable;
}

/** What a buildpack offers. */
export interface Provide {
  readonly name: string;
}

/** One alternative of what `bin/detect` wrote. */
export interface PlanSections {
  readonly requires: readonly Require[];
  readonly provides: readonly Provide[];
}

/** What `bin/detect` wrote: the first alternative and those under `or`. */
export interface BuildPlan extends PlanSections {
  readonly or: readonly PlanSections[];
}

/** One entry of `plan.toml`. */
export interface PlanEntry {
  readonly providers: readonly GroupElement[];
  readonly requires: readonly Require[];
}

/** What detection resolved: `plan.toml`. */
export interface Plan {
  readonly entries: readonly PlanEntry[];
}

/** The part of the plan that one buildpack gets at build: its `<plan>` file. */
export interface BuildpackPlan {
  readonly entries: readonly Require[];
}
