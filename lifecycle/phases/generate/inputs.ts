import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import type { Plan } from "../../cnb/files/plan.ts";
import type { RunToml } from "../../cnb/files/run-toml.ts";
import type { Context } from "../../context.ts";
import type { ProcessOutput } from "../buildpack-process.ts";
import type { BuildpackInputs } from "../detect/inputs.ts";

/** What Dockerfiles are generated from. Platform specification, detector; image extension specification. */
export interface GenerateInputs extends BuildpackInputs {
  /** `/cnb/extensions`. */
  readonly extensionsDir: string;
  /** The extensions of the group, in order. */
  readonly extensions: readonly GroupElement[];
  readonly plan: Plan;
  readonly analyzed: Analyzed;
  /** The run images of the builder: another one is warned about. */
  readonly runToml: RunToml;
  /** `<generated>`: where the Dockerfiles go. */
  readonly generatedDir: string;
}

/** What generating works with: no store and no keychain, because code of extensions runs. */
export interface GeneratePorts {
  /** What extensions print goes here as it comes. */
  readonly output: ProcessOutput;
  readonly ctx: Context;
}

/** What generating changed. */
export interface GenerateResult {
  /** With the run image that a Dockerfile switched to, and whether it is to be extended. */
  readonly analyzed: Analyzed;
  /** Without what the extensions provide. */
  readonly plan: Plan;
}
