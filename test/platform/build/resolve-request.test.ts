import { describe, expect, test } from "vitest";
import { InputError } from "../../../lifecycle/errors.ts";
import { parseCache } from "../../../lifecycle/platform/build/parse-cache.ts";
import { parseOutput } from "../../../lifecycle/platform/build/parse-output.ts";
import type { BuildRequest } from "../../../lifecycle/platform/build/request.ts";
import { type ResolvedRequest, resolveRequest } from "../../../lifecycle/platform/build/resolve-request.ts";

const machine = { env: {}, cwd: "/home/me", uid: 1000, packageRoot: "/opt/tspack" };
const now = new Date("2026-03-04T05:06:07.890Z");
const resolved = (request: Partial<BuildRequest>): ResolvedRequest =>
  resolveRequest({ names: ["app"], ...request }, machine, now);

function issuesOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError && error.code === "INVALID_ARGUMENTS")
      return error.issues.map(({ source, path }) => `${source}${path === "" ? "" : ` ${path}`}`);
    throw error;
  }
  return [];
}
const refused = (request: Partial<BuildRequest>): readonly string[] => issuesOf(() => resolved(request));

describe("a request with nothing but a name", () => {
  test("is the working directory's application in /workspace, for the local store", () => {
    expect(resolved({})).toMatchObject({
      appDir: "/home/me",
      workspace: "/workspace",
      output: { kind: "local" },
      previousImage: undefined,
      sourceDateEpoch: undefined,
    });
  });

  test("needs the name", () => {
    expect(refused({ names: [] })).toEqual(["<image>"]);
    expect(() => resolved({ names: ["Not A Name"] })).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });
});

describe("the creation time", () => {
  test.each([
    ["0", "0"],
    ["1700000000", "1700000000"],
    ["now", "1772600767"],
    ["2026-01-31T12:00:00Z", "1769860800"],
    ["2026-01-31T12:00:00.999+02:00", "1769853600"],
  ])("%s is second %s", (creationTime, seconds) => {
    expect(resolved({ creationTime }).sourceDateEpoch).toBe(seconds);
  });

  test.each(["", "yesterday", "-1", "1.5", "2026-01-31", "2026-13-31T12:00:00Z", "2026-01-31 12:00:00Z"])(
    "%j is refused",
    (creationTime) => {
      expect(refused({ creationTime })).toEqual(["--creation-time"]);
    },
  );
});

describe("the workspace", () => {
  test.each([
    ["app", "/app"],
    ["/srv/app/", "/srv/app"],
    ["layers2", "/layers2"],
  ])("%s is %s", (workspace, path) => {
    expect(resolved({ workspace }).workspace).toBe(path);
  });

  test.each(["", "/", "..", "a/../../b", "/cnb", "/layers/x", "usr", "/a:b", "/a\nb"])("%j is refused", (workspace) => {
    expect(refused({ workspace })).toEqual(["--workspace"]);
  });

  test("is fixed in place", () => {
    expect(refused({ workspace: "/app", runner: "in-place" })).toEqual(["--workspace"]);
    expect(resolved({ workspace: "workspace", runner: "in-place" }).workspace).toBe("/workspace");
  });
});

describe("what does not fit together", () => {
  test("a cache image without publishing", () => {
    expect(refused({ cacheImage: "reg.test/cache" })).toContain("--cache-image");
  });

  test.each(["oci:out", "oci-archive:app.tar", "docker-archive:x", "docker:x"])(
    "%s, which is both a name with a tag and a place",
    (name) => {
      expect(refused({ names: [name] })).toEqual(["<image>"]);
      expect(refused({ names: [`docker.io/library/${name}`] })).toEqual([]);
    },
  );

  test("caches that fit neither each other nor the image", () => {
    const output = { kind: "registry" } as const;
    const build = { type: "build", format: "volume" } as const;
    const names = ["reg.test/app"];
    const image = { type: "build", format: "image", source: "reg.test/cache" } as const;
    const launch = { type: "launch", format: "volume", source: "b" } as const;
    expect(refused({ caches: [build, { ...build, source: "b" }] })).toEqual(["--cache"]);
    expect(refused({ caches: [build, launch] })).toEqual([]);
    expect(refused({ caches: [{ ...build, source: "../b" }] })).toEqual(["--cache"]);
    expect(refused({ caches: [image] })).toEqual(["--cache-image"]);
    expect(refused({ names, output, caches: [image] })).toEqual([]);
    expect(refused({ names, output, caches: [build], cacheImage: "reg.test/cache" })).toEqual(["--cache-image"]);
    expect(refused({ names, output, cacheImage: "reg.test/app:latest" })).toEqual(["--cache-image"]);
    expect(refused({ names, output, cacheImage: `reg.test/c@sha256:${"0".repeat(64)}` })).toEqual(["--cache-image"]);
    expect(() => resolved({ names, output, cacheImage: "Not A Name" })).toThrow(
      expect.objectContaining({ code: "INVALID_REFERENCE" }),
    );
  });

  test("a previous image of another registry when publishing", () => {
    const request = { names: ["reg.test/app"], previousImage: "other.test/app" } as const;
    expect(refused({ ...request, output: { kind: "registry" } })).toEqual(["--previous-image"]);
    expect(refused(request)).toEqual([]);
  });

  test("options of another runner", () => {
    expect(refused({ network: "mine", dockerHost: "inherit", lifecycleImage: "x", platform: "linux/s390x" })).toEqual([
      "--lifecycle-image",
      "--docker-host",
      "--network",
      "--platform",
    ]);
    expect(refused({ runner: "in-place", volumes: ["/a:/b"] })).toEqual(["--volume"]);
    expect(refused({ runner: "sandbox", output: { kind: "engine" } })).toEqual([]);
    expect(refused({ runner: "engine", output: { kind: "engine" }, dryRun: true })).toEqual([]);
    expect(refused({ runner: "engine", output: { kind: "engine" }, network: "mine" })).toEqual([]);
  });

  test("users that no system has", () => {
    expect(refused({ uid: -1, gid: 4_294_967_295 })).toEqual(["--uid", "--gid"]);
  });

  test("compression levels that deflate does not have", () => {
    expect(refused({ compressionLevel: 10 })).toEqual(["--compression-level"]);
    expect(refused({ compressionLevel: 0 })).toEqual([]);
  });

  test("memory that one layer does not fit into", () => {
    expect(refused({ memory: 139 })).toEqual(["--memory"]);
    expect(refused({ memory: 140 })).toEqual([]);
  });

  test("compressions that there are not, or that the destination does not take", () => {
    expect(refused({ compression: "lz4" as "gzip" })).toEqual(["--compression"]);
    expect(refused({ compression: "zstd", output: { kind: "engine" } })).toEqual(["--compression"]);
    expect(refused({ compression: "zstd", compressionLevel: 0 })).toEqual(["--compression-level"]);
    expect(refused({ compression: "gzip", output: { kind: "engine" } })).toEqual([]);
  });

  test("everything is told at once", () => {
    expect(refused({ creationTime: "x", workspace: "/", uid: 1.5 })).toEqual([
      "--workspace",
      "--creation-time",
      "--uid",
    ]);
  });
});

describe("--output", () => {
  test.each([
    ["local", { kind: "local" }],
    ["registry", { kind: "registry" }],
    ["engine", { kind: "engine" }],
    ["oci:out", { kind: "oci", path: "out" }],
    ["oci-archive:/tmp/a:b.tar", { kind: "oci-archive", path: "/tmp/a:b.tar" }],
    ["docker-archive:x.tar", { kind: "docker-archive", path: "x.tar" }],
  ])("%s", (text, output) => {
    expect(parseOutput(text)).toEqual(output);
  });

  test.each(["", "oci", "oci:", "registry:x", "docker:x", "Local"])("%j is refused", (text) => {
    expect(issuesOf(() => parseOutput(text))).toEqual(["--output"]);
  });
});

describe("--cache", () => {
  test.each([
    ["type=build;format=bind;source=/c", { type: "build", format: "bind", source: "/c/build-cache" }],
    ["TYPE=launch;Format=bind;name=c/d", { type: "launch", format: "bind", source: "c/d/launch-cache" }],
    ["type=launch;format=volume", { type: "launch", format: "volume", source: undefined }],
    ["type=launch;format=volume;name=v", { type: "launch", format: "volume", source: "v" }],
    ["name=v", { type: "build", format: "volume", source: "v" }],
    ["format=image;name=reg.test/cache:1;", { type: "build", format: "image", source: "reg.test/cache:1" }],
  ])("%s", (text, cache) => {
    expect(parseCache(text)).toEqual(cache);
  });

  test.each([
    ["", ["--cache"]],
    ["type=both;name=v", ["--cache type"]],
    ["format=tape;name=v", ["--cache format"]],
    ["format=bind", ["--cache source"]],
    ["format=image", ["--cache name"]],
    ["format=bind;source=a;name=b", ["--cache source"]],
    ["name=a;name=b", ["--cache name"]],
    ["name=", ["--cache name"]],
    ["type=launch;format=image;name=v", ["--cache format"]],
    ["volume", ["--cache volume"]],
    ["name=v;size=3", ["--cache size"]],
  ])("%j is refused", (text, issues) => {
    expect(issuesOf(() => parseCache(text))).toEqual(issues);
  });
});
