import type { GroupElement } from "../../cnb/files/group.ts";
import type { Plan } from "../../cnb/files/plan.ts";
import type { Context } from "../../context.ts";
import type { Place } from "../../layers/place.ts";
import type { ProcessOutput } from "../buildpack-process.ts";
import type { BuildpackInputs } from "../detect/inputs.ts";

/** What is built. Platform specification, builder. */
export interface BuildInputs extends BuildpackInputs {
  readonly group: readonly GroupElement[];
  readonly groupExtensions: readonly GroupElement[];
  readonly plan: Plan;
  readonly layers: Place;
}

/** What building works with: no store and no keychain, because buildpack code runs. */
export interface BuildPorts {
  /** What buildpacks print goes here as it comes. */
  readonly output: ProcessOutput;
  readonly ctx: Context;
}
