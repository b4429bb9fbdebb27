import { describe, expect, test } from "vitest";
import { buildpackFeatures } from "../../lifecycle/cnb/api/buildpack.ts";
import type { TargetMetadata } from "../../lifecycle/cnb/files/analyzed.ts";
import type { BuildpackTarget } from "../../lifecycle/cnb/files/buildpack-toml.ts";
import {
  completeTarget,
  matchesTarget,
  parseOsRelease,
  targetMismatchText,
  targetsOfStacks,
  targetVariables,
} from "../../lifecycle/cnb/target.ts";

const image: TargetMetadata = {
  os: "linux",
  arch: "arm64",
  archVariant: "v8",
  distro: { name: "debian", version: "12" },
};
const any: BuildpackTarget = { os: "", arch: "", variant: "", distros: [] };

describe("matchesTarget", () => {
  test.each([
    [{}, true],
    [{ os: "linux", arch: "arm64", variant: "v8" }, true],
    [{ os: "windows" }, false],
    [{ arch: "amd64" }, false],
    [{ variant: "v7" }, false],
    [
      {
        distros: [
          { name: "ubuntu", version: "22.04" },
          { name: "debian", version: "12" },
        ],
      },
      true,
    ],
    [{ distros: [{ name: "debian", version: "" }] }, true],
    [{ distros: [{ name: "debian", version: "11" }] }, false],
  ])("%j: %s", (target, expected) => {
    expect(matchesTarget(image, { ...any, ...target })).toBe(expected);
  });

  test("what the image leaves open matches, but not a distribution", () => {
    const bare: TargetMetadata = { os: "linux", arch: "amd64" };
    expect(matchesTarget(bare, { ...any, variant: "v2" })).toBe(true);
    expect(matchesTarget(bare, { ...any, distros: [{ name: "debian", version: "" }] })).toBe(false);
  });
});

test("a run image without a distribution gets that of the build image", () => {
  const build = { osRelease: 'NAME="Debian"\nID=debian\nVERSION_ID="12"\n', arch: "amd64" };
  expect(completeTarget({ os: "linux", arch: "arm64" }, build)).toEqual({
    os: "linux",
    arch: "arm64",
    distro: { name: "debian", version: "12" },
  });
  expect(completeTarget(undefined, { osRelease: "", arch: "amd64" })).toEqual({ os: "linux", arch: "amd64" });
  expect(completeTarget(image, build)).toBe(image);
});

test("os-release is read with and without quotation marks", () => {
  expect(parseOsRelease("VERSION_ID='3.19'\nID_LIKE=x\nID=alpine")).toEqual({ name: "alpine", version: "3.19" });
  expect(parseOsRelease("PRETTY_NAME=x")).toBeUndefined();
});

test("variables for buildpacks leave out what is not known", () => {
  expect(targetVariables(image)).toEqual({
    CNB_TARGET_OS: "linux",
    CNB_TARGET_ARCH: "arm64",
    CNB_TARGET_ARCH_VARIANT: "v8",
    CNB_TARGET_DISTRO_NAME: "debian",
    CNB_TARGET_DISTRO_VERSION: "12",
  });
  expect(targetVariables({ os: "linux", arch: "amd64" })).toEqual({ CNB_TARGET_OS: "linux", CNB_TARGET_ARCH: "amd64" });
});

test("stacks of old buildpacks become targets; bionic among others only from Buildpack API 0.10", () => {
  const user = { kind: "Buildpack", name: "a@1" } as const;
  const bionic = { id: "io.buildpacks.stacks.bionic", mixins: [] };
  const other = { id: "other", mixins: [] };
  expect(targetsOfStacks([{ id: "*", mixins: [] }], undefined)).toEqual([any]);
  expect(targetsOfStacks([bionic], buildpackFeatures("0.9", user))).toHaveLength(1);
  expect(targetsOfStacks([bionic, other], buildpackFeatures("0.9", user))).toEqual([]);
  expect(targetsOfStacks([bionic, other], buildpackFeatures("0.10", user))[0]?.distros).toEqual([
    { name: "ubuntu", version: "18.04" },
  ]);
});

test("a mismatch is told in the reference's words", () => {
  expect(targetMismatchText(image, [{ ...any, os: "windows" }])).toBe(
    'unable to satisfy target os/arch constraints; run image: {"os":"linux","arch":"arm64","arch-variant":"v8","distro":{"name":"debian","version":"12"}}, buildpack: [{"os":"windows","arch":""}]',
  );
});
