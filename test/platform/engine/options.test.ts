import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { requirePlatform } from "../../../lifecycle/platform/engine/bring-image.ts";
import { cacheVolumeName, volumeKey } from "../../../lifecycle/platform/engine/cache-volumes.ts";
import { daemonAccess } from "../../../lifecycle/platform/engine/daemon-access.ts";
import { engineUse } from "../../../lifecycle/platform/engine/engine-use.ts";
import { authHeader } from "../../../lifecycle/platform/engine/images.ts";
import { checkStatus } from "../../../lifecycle/platform/engine/run-phase.ts";
import { checkPhaseExit } from "../../../lifecycle/platform/runners/runner.ts";
import { processesIn } from "../../../lifecycle/platform/engine/summary.ts";
import { readVolumes, volumeBind, volumeWarnings } from "../../../lifecycle/platform/engine/volume-option.ts";

describe("--volume", () => {
  test.each([
    ["/a:/b", "/a:/b:ro"],
    ["/a:/b:rw", "/a:/b:rw"],
    ["./a:/b/:ro", "/here/a:/b:ro"],
    ["named:/b:rw,z", "named:/b:rw,z"],
    ["named:/b:z", "named:/b:ro,z"],
    ["/secrets:/platform/bindings", "/secrets:/platform/bindings:ro"],
    ["/secrets:/platform/bindings/db", "/secrets:/platform/bindings/db:ro"],
  ])("%s is mounted as %s", (given, bind) => {
    expect(readVolumes([given], "/here").map(volumeBind)).toEqual([bind]);
  });

  test("is refused where the build decides what is there, and every wrong one is named", () => {
    const wrong = [
      "/a:/cnb/x",
      "/a:/layers",
      "/a:/b/../cnb",
      "/a:/platform",
      "/a:/",
      "/a",
      "a/b:/c",
      "/a:b",
      "/a:/b:ro:x",
    ];
    expect(() => readVolumes([...wrong, "/a:/b"], "/here")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENTS", issues: expect.objectContaining({ length: wrong.length }) }),
    );
  });

  test("over the application is a warning", () => {
    expect(volumeWarnings(readVolumes(["/a:/workspace/x", "/a:/workspaces"], "/"), "/workspace")).toHaveLength(1);
  });
});

describe("a cache volume", () => {
  test("has pack's name, with a key that keeps people apart", () => {
    const name = cacheVolumeName(parseReference("r.test:5000/team/app:v1"), "build", "key");
    expect(name).toMatch(/^pack-cache-team_app_v1-[0-9a-f]{12}\.build$/);
    expect(cacheVolumeName(parseReference("r.test:5000/team/app:v1"), "launch", "key")).toBe(
      name.replace(/build$/, "launch"),
    );
    expect(cacheVolumeName(parseReference("r.test:5000/team/app:v1"), "build", "other")).not.toBe(name);
    expect(cacheVolumeName(parseReference("app"), "build", "k")).toMatch(/^pack-cache-library_app_latest-/);
  });

  test("has the key of PACK_VOLUME_KEY, else one that is made once and is private", async () => {
    const directory = mkdtempSync(join(tmpdir(), "key-"));
    const file = join(directory, "config/volume-key");
    expect(await volumeKey(file, "given")).toBe("given");
    // First builds at the same moment agree.
    const keys = await Promise.all(Array.from({ length: 20 }, () => volumeKey(file, "")));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([...keys, await volumeKey(file, undefined)]).size).toBe(1);
    expect(readdirSync(join(directory, "config"))).toEqual(["volume-key"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    rmSync(directory, { recursive: true });
  });
});

describe("--docker-host", () => {
  const own = { socket: "/own.sock" };
  test.each([
    [undefined, {}, { socket: "/own.sock", address: undefined }],
    ["inherit", { DOCKER_HOST: "unix:///theirs.sock" }, { socket: "/theirs.sock", address: undefined }],
    ["inherit", {}, { socket: "/var/run/docker.sock", address: undefined }],
    ["unix:///other.sock", {}, { socket: "/other.sock", address: undefined }],
    ["tcp://engine:2375", {}, { socket: undefined, address: "tcp://engine:2375" }],
  ])("%s gives containers what they need", (given, env, expected) => {
    expect(daemonAccess(given, env, own)).toEqual(expected);
  });

  test("of another form is refused without its password", () => {
    expect(() => daemonAccess("http://ada:secret@x", {}, own)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENTS",
        issues: [expect.objectContaining({ got: expect.not.stringContaining("secret") })],
      }),
    );
  });
});

describe("what runs in containers", () => {
  test.each([
    [{}, "none"],
    [{ runner: "sandbox", output: { kind: "engine" } }, "none"],
    [{ output: { kind: "engine" } }, "phases"],
    [{ runner: "engine" }, "buildpacks"],
    [{ runner: "engine", output: { kind: "registry" } }, "phases"],
    [{ runner: "engine", output: { kind: "registry" }, dryRun: true }, "buildpacks"],
    [{ runner: "engine", output: { kind: "engine" }, dryRun: true }, "buildpacks"],
    [{ runner: "engine", output: { kind: "oci", path: "x" } }, "buildpacks"],
  ] as const)("of %o is: %s", (request, use) => {
    expect(engineUse({ names: ["app"], ...request })).toBe(use);
  });
});

describe("credentials for an engine that pulls", () => {
  const read = (header: string | undefined): unknown =>
    JSON.parse(Buffer.from(header ?? "", "base64url").toString("utf8"));
  test("are in the form that it takes", () => {
    expect(authHeader(undefined, "r.test")).toBeUndefined();
    const basic = { username: "ada", password: "a:b" };
    expect(read(authHeader({ kind: "basic", ...basic }, "r.test"))).toEqual({ serveraddress: "r.test", ...basic });
    const authorization = `Basic ${Buffer.from("ada:a:b").toString("base64")}`;
    expect(read(authHeader({ kind: "header", authorization }, "r.test"))).toMatchObject(basic);
    expect(read(authHeader({ kind: "header", authorization: "Bearer t" }, "r.test"))).toMatchObject({
      registrytoken: "t",
    });
    expect(read(authHeader({ kind: "token", identityToken: "i" }, "r.test"))).toMatchObject({ identitytoken: "i" });
  });
});

describe("the exit status of a phase", () => {
  test.each([
    ["detector", 20, "DETECT_FAILED"],
    ["builder", 51, "BUILDPACK_FAILED"],
    ["detector", 91, "EXTENSION_FAILED"],
    ["creator", 92, "GENERATE_FAILED"],
    ["creator", 34, "ANALYZE_FAILED"],
    ["creator", 62, "EXPORT_FAILED"],
    ["creator", 1, "BUILD_FAILED"],
    ["analyzer", 1, "ANALYZE_FAILED"],
    ["exporter", 137, "EXPORT_FAILED"],
  ] as const)("of the %s, %i, is %s", (phase, status, code) => {
    expect(() => checkStatus(phase, status)).toThrow(expect.objectContaining({ code }));
  });
  test.each([11, 12, 20, 21, 51, 91, 92])("%i is the same in a container and in a sandbox", (status) => {
    const thrown = (work: () => void): unknown => {
      try {
        return work();
      } catch (error) {
        return error;
      }
    };
    expect(thrown(() => checkPhaseExit("detect", status))).toEqual(thrown(() => checkStatus("detector", status)));
  });
  test("0 is no error", () => {
    expect(() => checkStatus("builder", 0)).not.toThrow();
    expect(() => checkPhaseExit("build", 0)).not.toThrow();
  });
});

test("a builder for another machine is refused with what to do", () => {
  const image = { os: "linux", architecture: "arm64" };
  expect(() => requirePlatform("b", image, { os: "linux", architecture: "amd64" })).toThrow(
    expect.objectContaining({ code: "INVALID_BUILDER", hint: expect.stringContaining("--platform linux/arm64") }),
  );
  expect(() => requirePlatform("b", image, image)).not.toThrow();
});

describe("the processes of an image", () => {
  test("are those of the label, whichever lifecycle wrote it", () => {
    const label = '{"processes":[{"type":"web","command":"x"},{"type":"task","command":["y"]}]}';
    expect(processesIn({ "io.buildpacks.build.metadata": label }, ["/cnb/process/task"])).toEqual([
      { type: "web", default: false },
      { type: "task", default: true },
    ]);
    expect(processesIn({}, [])).toEqual([]);
  });

  test.each(["null", '{"processes":[null]}', '{"processes":3}', "{"])("of the label %s are an error", (label) => {
    const read = () => processesIn({ "io.buildpacks.build.metadata": label }, []);
    expect(read).toThrow(expect.objectContaining({ code: "INVALID_JSON" }) as Error);
  });
});
