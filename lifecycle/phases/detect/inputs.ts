import type { Context } from "../../context.ts";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import type { Group, OrderFile } from "../../cnb/files/group.ts";
import type { Plan } from "../../cnb/files/plan.ts";
import type { SystemToml } from "../../cnb/files/system.ts";
import type { Place } from "../../layers/place.ts";

/** What buildpacks are run with in both phases that run them. */
export interface BuildpackInputs {
  readonly features: PlatformFeatures;
  /** Buildpacks run where this process runs, so they see `path`. */
  readonly app: Place;
  /** `<platform>`, with the user's `env/`. */
  readonly platformDir: string;
  /** `/cnb/buildpacks`: `<escaped id>/<version>/buildpack.toml`. */
  readonly buildpacksDir: string;
  /** `-build-config`: the operator's `env/`. */
  readonly buildConfigDir: string;
  /** `CNB_EXEC_ENV`; undefined when the platform gave none. */
  readonly execEnv: string | undefined;
  /**
   * The environment that the phase was started with. Only the names that the specification lets
   * through reach a buildpack.
   */
  readonly env: Readonly<Record<string, string>>;
  /** `[run-image.target]` of `analyzed.toml`. */
  readonly target: TargetMetadata | undefined;
  /** Path of the build image's `/etc/os-release`, read when the run image does not say its distribution. */
  readonly osRelease: string;
}

/** What detection chooses from. Platform specification, detector. */
export interface DetectInputs extends BuildpackInputs {
  readonly order: OrderFile;
  /** `/cnb/extensions`; undefined below Platform API 0.10. */
  readonly extensionsDir?: string | undefined;
  /** `system.toml`; undefined below Platform API 0.15 and without the file. */
  readonly system: SystemToml | undefined;
}

/** What detection works with: no store and no keychain, because buildpack code runs. */
export interface DetectPorts {
  readonly ctx: Context;
}

/** What detection found: `group.toml` and `plan.toml`. */
export interface DetectResult {
  readonly group: Group;
  readonly plan: Plan;
}
