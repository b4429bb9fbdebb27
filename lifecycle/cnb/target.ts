import type { BuildpackFeatures } from "./api/buildpack.ts";
import type { OsDistro, TargetMetadata } from "./files/analyzed.ts";
import type { BuildpackStack, BuildpackTarget } from "./files/buildpack-toml.ts";
import { goJson } from "./go-json.ts";

/** The target of a buildpack that says nothing but has a `bin/build`. Buildpack specification, "Targets". */
export const linuxTarget: BuildpackTarget = { os: "linux", arch: "", variant: "", distros: [] };

const anyTarget: BuildpackTarget = { os: "", arch: "", variant: "", distros: [] };

const bionicTarget: BuildpackTarget = {
  os: "linux",
  arch: "amd64",
  variant: "",
  distros: [{ name: "ubuntu", version: "18.04" }],
};

/** The targets that the stacks of an old buildpack stand for. Buildpack specification, "Stacks" (deprecated). */
export function targetsOfStacks(
  stacks: readonly BuildpackStack[],
  features: BuildpackFeatures | undefined,
): readonly BuildpackTarget[] {
  const takesBionic = stacks.length === 1 || features?.bionicAmongStacks === true;
  return stacks.flatMap(({ id }) => {
    if (id === "*") return [anyTarget];
    return id === "io.buildpacks.stacks.bionic" && takesBionic ? [bionicTarget] : [];
  });
}

/**
 * What is known of a run image, completed for the build: without a distribution in its labels that of
 * the build image's `/etc/os-release` counts, and with it the operating system and the architecture.
 */
export function completeTarget(
  target: TargetMetadata | undefined,
  build: { readonly osRelease: string; readonly arch: string },
): TargetMetadata {
  const known = target ?? { os: "", arch: "" };
  if (known.distro !== undefined) return known;
  const distro = parseOsRelease(build.osRelease);
  return {
    ...known,
    os: known.os === "" ? "linux" : known.os,
    arch: known.arch === "" ? build.arch : known.arch,
    ...(distro === undefined ? {} : { distro }),
  };
}

/** `ID` and `VERSION_ID` of `/etc/os-release`; undefined when it has neither. */
export function parseOsRelease(contents: string): OsDistro | undefined {
  const read = (key: string): string => new RegExp(`^${key}=["' ]*([^"'=\n]*?)["' ]*$`, "m").exec(contents)?.[1] ?? "";
  const distro = { name: read("ID"), version: read("VERSION_ID") };
  return distro.name === "" && distro.version === "" ? undefined : distro;
}

/** Whether a buildpack's target takes a run image. What either side leaves open matches; a wanted distribution has to be known. */
export function matchesTarget(image: TargetMetadata, target: BuildpackTarget): boolean {
  if (!matches(image.os, target.os) || !matches(image.arch, target.arch)) return false;
  if (!matches(image.archVariant, target.variant)) return false;
  if (target.distros.length === 0) return true;
  const { distro } = image;
  if (distro === undefined) return false;
  return target.distros.some(({ name, version }) => matches(distro.name, name) && matches(distro.version, version));
}

function matches(one: string | undefined, other: string): boolean {
  return one === undefined || one === "" || other === "" || one === other;
}

/** `CNB_TARGET_*` for buildpacks. Buildpack API 0.10. */
export function targetVariables(target: TargetMetadata): Readonly<Record<string, string>> {
  const optional = {
    CNB_TARGET_ARCH_VARIANT: target.archVariant,
    CNB_TARGET_DISTRO_NAME: target.distro?.name,
    CNB_TARGET_DISTRO_VERSION: target.distro?.version,
  };
  const present = Object.entries(optional).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "");
  return { CNB_TARGET_OS: target.os, CNB_TARGET_ARCH: target.arch, ...Object.fromEntries(present) };
}

/** The reference's text for a buildpack none of whose targets takes the run image. */
export function targetMismatchText(image: TargetMetadata, targets: readonly BuildpackTarget[]): string {
  return `unable to satisfy target os/arch constraints; run image: ${targetJson(image)}, buildpack: ${goJson(targets.map(describeTarget))}`;
}

/** A run image's target as the reference logs it. */
export function targetJson({ id, os, arch, archVariant, distro }: TargetMetadata): string {
  return goJson({ id: text(id), os, arch, "arch-variant": text(archVariant), distro: distro && { ...distro } });
}

/** A buildpack's target as the reference logs it. */
export function buildpackTargetJson(target: BuildpackTarget): string {
  return goJson(describeTarget(target));
}

function describeTarget({ os, arch, variant, distros }: BuildpackTarget) {
  const named = distros.map(({ name, version }) => ({ name, version }));
  return { os, arch, "arch-variant": text(variant), distros: named.length === 0 ? undefined : named };
}

function text(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
