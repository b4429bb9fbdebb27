import { TspackError } from "../../errors.ts";
import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import type { Logger } from "../../logger.ts";
import { goJson } from "../../oci/go-json.ts";

const override = "please provide -force to override";

/** What a rebase needs to know about the two images. */
export interface TargetCheck {
  /** The label `io.buildpacks.rebasable` of the app image. */
  readonly rebasable: string | undefined;
  readonly app: TargetMetadata;
  readonly newBase: TargetMetadata;
  readonly force: boolean;
}

/**
 * Whether the new base runs what the app was built for. Platform specification, rebaser, for images
 * of Platform API 0.12 and up. Throws `NOT_REBASABLE`; with force it warns instead.
 */
export function checkTarget({ rebasable, app, newBase, force }: TargetCheck, logger: Logger): void {
  if (rebasable === "false") {
    refuse("app image is not marked as rebasable", "an extension changed it; build it again", force, logger);
  }
  if (isSatisfied(newBase, app)) return;
  const images = `new run image: ${targetJson(newBase)}, old run image: ${targetJson(app)}`;
  const hint = "build the app again on the new run image, or choose one for the same system";
  refuse(`unable to satisfy target os/arch constraints; ${images}`, hint, force, logger);
}

/** Warns with force, else throws `NOT_REBASABLE`. */
export function refuse(message: string, hint: string, force: boolean, logger: Logger): void {
  if (!force) throw new TspackError("NOT_REBASABLE", `${message}; ${override}`, { hint });
  logger.warn(message);
}

/** Operating system and architecture have to be equal; what an image leaves open fits everything. */
function isSatisfied(newBase: TargetMetadata, app: TargetMetadata): boolean {
  if (newBase.os !== app.os || newBase.arch !== app.arch) return false;
  if (!fits(newBase.archVariant, app.archVariant)) return false;
  if (newBase.distro === undefined) return true;
  if (app.distro === undefined) return false;
  const { name, version } = newBase.distro;
  return (name === "" || name === app.distro.name) && (version === "" || version === app.distro.version);
}

function fits(a = "", b = ""): boolean {
  return a === "" || b === "" || a === b;
}

function targetJson({ id, os, arch, archVariant, distro }: TargetMetadata): string {
  const named = distro === undefined ? undefined : { name: distro.name, version: distro.version };
  return goJson({ id, os, arch, "arch-variant": archVariant, distro: named });
}
