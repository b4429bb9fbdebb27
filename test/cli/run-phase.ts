import { join } from "node:path";
import { runLifecycle } from "../../lifecycle/cli/run-lifecycle.ts";
import type { Fixture } from "../phases/builder-fixture.ts";

/** How a phase is run. */
export interface PhaseOptions {
  readonly api?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a phase of the lifecycle in this process on the files of a fixture, as a platform would. */
export async function runPhase(
  { dir }: Fixture,
  name: string,
  argv: readonly string[],
  { api = "0.13", env = {} }: PhaseOptions = {},
): Promise<{ readonly code: number; readonly output: string }> {
  let output = "";
  const say = (text: string | Uint8Array): void => void (output += String(text));
  const at = (path: string): string => join(dir, path);
  const code = await runLifecycle({
    argv,
    program: name,
    env: {
      PATH: "/usr/bin:/bin",
      HOME: at("home"),
      CNB_PLATFORM_API: api,
      CNB_NO_COLOR: "true",
      CNB_APP_DIR: at("app"),
      CNB_BUILDPACKS_DIR: at("buildpacks"),
      CNB_EXTENSIONS_DIR: at("extensions"),
      CNB_LAYERS_DIR: at("layers"),
      CNB_PLATFORM_DIR: at("platform"),
      CNB_ORDER_PATH: at("order.toml"),
      CNB_RUN_PATH: at("run.toml"),
      CNB_KANIKO_DIR: at("kaniko"),
      ...env,
    },
    user: { uid: 1000, gid: 1000 },
    stdout: say,
    stderr: say,
    signal: new AbortController().signal,
  });
  return { code, output };
}
