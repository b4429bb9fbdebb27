import type { Context } from "../../context.ts";
import { inPlaceRunner } from "./in-place-runner.ts";
import type { RunnerChoice } from "../build/request.ts";
import type { Runner } from "./runner.ts";
import { sandboxRunner } from "./sandbox-runner.ts";
import { findSandbox, type SandboxSearch } from "./sandbox/sandbox.ts";

/** The runner that was asked for, or the first that works here. Throws `RUNNER_UNAVAILABLE`. */
export async function chooseRunner(
  choice: RunnerChoice,
  search: SandboxSearch & { readonly uid: number },
  ctx: Context,
): Promise<Runner> {
  const runner = choice === "in-place" ? inPlaceRunner({ uid: search.uid }) : sandboxRunner(await findSandbox(search));
  ctx.logger.debug(`Buildpacks run in: ${runner.name}`);
  return runner;
}
