import { describe, expect, test } from "vitest";
import type { BuildRequest } from "../../../lifecycle/platform/build/request.ts";
import type { BuildpackRequest } from "../../../lifecycle/platform/buildpacks/request.ts";
import { isTrustedBuild } from "../../../lifecycle/platform/engine/creator-trust.ts";

const inline: BuildpackRequest = { kind: "inline", id: "x", version: "1", api: "0.10", script: "env", shell: "" };
const described = (...requests: readonly BuildpackRequest[]) => {
  const none = { requests: [], baseDir: "/app" };
  return { buildpacks: { requests, baseDir: "/app" }, pre: none, post: none };
};
const trusted = (more: Partial<BuildRequest>, ...requests: readonly BuildpackRequest[]): boolean =>
  isTrustedBuild({ request: { names: ["a"], ...more }, described: described(...requests) });

describe("one container with credentials for everything", () => {
  test("is for the default builder and for trusted ones", () => {
    expect(trusted({})).toBe(true);
    expect(trusted({ builder: "b" })).toBe(false);
    expect(trusted({ builder: "b", trustBuilder: true })).toBe(true);
  });

  test.each(["buildpacks", "preBuildpacks", "postBuildpacks", "extensions"] as const)(
    "is not for builds with %s of others",
    (list) => {
      expect(trusted({ [list]: ["./x"] })).toBe(false);
      expect(trusted({ [list]: ["./x"], trustExtraBuildpacks: true })).toBe(true);
      expect(trusted({ [list]: ["./x"], trustExtraBuildpacks: true, builder: "b" })).toBe(false);
    },
  );

  test("is not for buildpacks that an application's project.toml brings along", () => {
    expect(trusted({}, inline)).toBe(false);
    expect(trusted({}, { kind: "uri", uri: "./evil" })).toBe(false);
    const pre = { requests: [inline], baseDir: "/app" };
    expect(isTrustedBuild({ request: { names: ["a"] }, described: { ...described(), pre } })).toBe(false);
    expect(isTrustedBuild({ request: { names: ["a"] }, described: { ...described(), post: pre } })).toBe(false);
  });

  test("stays for a project.toml that only chooses among the builder's own", () => {
    expect(trusted({}, { kind: "id", id: "tspack/nodejs" })).toBe(true);
  });
});
