import type { PackageTarget } from "../../cnb/files/package-toml.ts";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";

/** A platform as `--target` names it, and the distributions that may follow. */
export interface NamedTarget {
  readonly platform: Platform;
  readonly distros: readonly { readonly name: string; readonly version: string }[];
}

/**
 * Reads `OS/ARCHITECTURE[/VARIANT][:DISTRO@VERSION[@VERSION…][;DISTRO@VERSION]]`. Throws
 * `INVALID_ARGUMENTS` that names the option.
 */
export function readTarget(text: string, option: string): NamedTarget {
  const match = /^([a-z]+)\/([a-z0-9]+)(?:\/([a-z0-9.]+))?(?::(.+))?$/.exec(text);
  const distros = (match?.[4] ?? "").split(";").filter((part) => part !== "");
  if (match === null || distros.some((part) => !/^[^@]+(@[^@]+)*$/.test(part))) {
    const expected = "OS/ARCHITECTURE[/VARIANT][:DISTRO@VERSION], such as linux/amd64 or linux/arm64:debian@12";
    const issue = { source: option, path: "", expected, got: JSON.stringify(text) };
    throw new InputError("INVALID_ARGUMENTS", "a target can not be read", [issue]);
  }
  const [, os = "", architecture = "", variant] = match;
  return {
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    distros: distros.flatMap((part) => {
      const [name = "", ...versions] = part.split("@");
      return versions.length === 0 ? [{ name, version: "" }] : versions.map((version) => ({ name, version }));
    }),
  };
}

/** A platform as people write it. */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** Each platform once. */
export function distinctPlatforms(platforms: readonly Platform[]): readonly Platform[] {
  return [...new Map(platforms.map((platform) => [platformText(platform), platform])).values()];
}

/** The platforms that `[[targets]]` name, each once; those that are for any architecture name none. */
export function targetPlatforms(targets: readonly PackageTarget[]): readonly Platform[] {
  const platforms = targets.flatMap(({ os, arch, variant }): readonly Platform[] =>
    os === "" || arch === "" ? [] : [{ os, architecture: arch, ...(variant === "" ? {} : { variant }) }],
  );
  return distinctPlatforms(platforms);
}
