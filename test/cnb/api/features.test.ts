import { describe, expect, test } from "vitest";
import { buildpackApis, buildpackFeatures } from "../../../lifecycle/cnb/api/buildpack.ts";
import { platformApis, platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import { isWithin, parseApiVersion } from "../../../lifecycle/cnb/api/version.ts";

const user = { kind: "Buildpack", name: "bad_api@bad_api_version" } as const;

describe("platformFeatures", () => {
  test("0.10 comes after 0.9", () => {
    expect(platformFeatures("0.9")).toMatchObject({ commandArray: false, reportBom: false, sbom: true });
    expect(platformFeatures("0.10")).toMatchObject({ commandArray: true, runToml: false, extensions: true });
    expect(platformFeatures("0.15")).toMatchObject({ execEnv: true, systemBuildpacks: true, reportBom: false });
  });

  test("all supported versions have a frozen record of booleans", () => {
    for (const api of platformApis) {
      const { api: named, ...flags } = platformFeatures(api);
      expect(named).toBe(api);
      expect(Object.values(flags).every((flag) => typeof flag === "boolean")).toBe(true);
      expect(Object.isFrozen(platformFeatures(api))).toBe(true);
    }
  });

  test.each([
    [" ", "please set 'CNB_PLATFORM_API'"],
    ["x", "failed to parse platform API 'x'"],
    ["0.6", "platform API version '0.6' is incompatible with the lifecycle"],
    ["0.16", "platform API version '0.16' is incompatible with the lifecycle"],
    ["1.0", "platform API version '1.0' is incompatible with the lifecycle"],
  ])("%j is refused", (version, text) => {
    expect(() => platformFeatures(version)).toThrow(
      expect.objectContaining({ code: "PLATFORM_API_UNSUPPORTED", message: expect.stringContaining(text) as string }),
    );
  });
});

describe("buildpackFeatures", () => {
  test("tells the command's forms apart", () => {
    expect(buildpackFeatures("0.8", user)).toMatchObject({ commandArray: false, pathVariables: true });
    expect(buildpackFeatures("0.9", user)).toMatchObject({ commandArray: true, targetVariables: false });
    expect(buildpackApis.map((api) => buildpackFeatures(api, user).execEnv).filter(Boolean)).toHaveLength(1);
  });

  test.each([
    ["0.1", "failed to set API for Buildpack 'bad_api@bad_api_version': buildpack API version '0.1' is incompatible"],
    ["0.2wrongapiblabla", "parse buildpack API '<nil>' for buildpack 'bad_api@bad_api_version'"],
    ["", "parse buildpack API '<nil>'"],
  ])("%j is refused", (version, text) => {
    expect(() => buildpackFeatures(version, user)).toThrow(
      expect.objectContaining({ code: "BUILDPACK_API_UNSUPPORTED", message: expect.stringContaining(text) as string }),
    );
  });
});

test("a range has its first version and not its last", () => {
  const version = parseApiVersion("v0.12") ?? { major: 9, minor: 9 };
  expect(isWithin(version, { since: "0.12", until: "0.13" })).toBe(true);
  expect(isWithin(version, { until: "0.12" })).toBe(false);
  expect(isWithin(version, {})).toBe(true);
});
