import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import { here } from "../../layers/place.ts";
import type { BuildpackInputs } from "../../phases/detect/inputs.ts";
import { withWritableHome } from "./home.ts";
import { definedEnv, type Session } from "./session.ts";

/** What both phases that run buildpacks are told. */
export function buildpackInputs(session: Session, target: TargetMetadata | undefined): BuildpackInputs {
  const { features, options, env, ctx } = session;
  return {
    features,
    app: here(options.app),
    platformDir: options.platform,
    buildpacksDir: options.buildpacks,
    buildConfigDir: options.buildConfig,
    execEnv: features.execEnv ? options.execEnv : undefined,
    env: withWritableHome(definedEnv(env), process.getuid?.(), ctx.logger),
    target,
    osRelease: "/etc/os-release",
  };
}
