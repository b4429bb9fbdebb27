import type { BuildpackPlan } from "../../cnb/files/plan.ts";
import { TspackError } from "../../errors.ts";

/** Checks the entries that a buildpack calls unmet in its `build.toml`: each has to be one that it got. Throws `BUILD_FAILED`. */
export function checkUnmet(unmet: readonly { readonly name: string }[], plan: BuildpackPlan): void {
  for (const { name } of unmet) {
    if (name === "") throw new TspackError("BUILD_FAILED", "unmet.name is required");
    if (plan.entries.some((entry) => entry.name === name)) continue;
    throw new TspackError("BUILD_FAILED", `unmet.name '${name}' must match a requested dependency`, {
      hint: `the buildpack was asked for: ${plan.entries.map((entry) => entry.name).join(", ") || "nothing"}`,
    });
  }
}
