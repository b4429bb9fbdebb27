import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import { here } from "../../layers/place.ts";
import type { BuildpackInputs } from "../../phases/detect/inputs.ts";
import { definedEnv, type Session } from "./session.ts";

/** What both phases that run buildpacks are told. */
export function buildpackInputs(
  { features, options, env }: Session,
  target: TargetMetadata | undefined,
): BuildpackInputs {
  return {
    features,
    app: here(options.app),
    platformDir: options.platform,
    buildpacksDir: options.buildpacks,
    buildConfigDir: features.buildConfig ? options.buildConfig : undefined,
    execEnv: features.execEnv ? options.execEnv : undefined,
    env: definedEnv(env),
    target,
    osRelease: "/etc/os-release",
  };
}
