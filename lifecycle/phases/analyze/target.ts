import type { OsDistro, TargetMetadata } from "../../cnb/files/analyzed.ts";
import type { Image } from "../../oci/image.ts";

/**
 * What an image runs on, from its config and its `io.buildpacks.base.*` labels. Platform
 * specification, "Target data". The distribution is absent when neither of its labels is there.
 */
export async function targetOf(image: Image): Promise<TargetMetadata> {
  const config = (await image.config()).value;
  const labels = config.config?.Labels ?? {};
  const id = labels["io.buildpacks.base.id"];
  const distro = distroOf(labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.base.distro.version"]);
  return {
    ...(id === undefined || id === "" ? {} : { id }),
    os: config.os,
    arch: config.architecture,
    ...(config.variant === undefined || config.variant === "" ? {} : { archVariant: config.variant }),
    ...(distro === undefined ? {} : { distro }),
  };
}

function distroOf(name: string | undefined, version: string | undefined): OsDistro | undefined {
  return name === undefined && version === undefined ? undefined : { name: name ?? "", version: version ?? "" };
}
