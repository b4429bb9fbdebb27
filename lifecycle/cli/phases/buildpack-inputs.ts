import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import { InputError } from "../../errors.ts";
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
    execEnv: features.execEnv ? checkedExecEnv(options.execEnv) : undefined,
    env: withWritableHome(definedEnv(env), process.getuid?.(), ctx.logger),
    target,
    osRelease: "/etc/os-release",
  };
}

/** Throws `INVALID_ENV` for a slash, which the Buildpack specification keeps for the future. */
function checkedExecEnv(name: string): string {
  if (!name.includes("/")) return name;
  const issue = { source: "env CNB_EXEC_ENV", path: "", expected: "a name without a slash", got: name };
  throw new InputError("INVALID_ENV", "the environment has values that can not be used", [issue], {
    hint: "execution environments are production, test, development, or a name of your own",
  });
}
