import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { copyApplication } from "../../lifecycle/platform/build/application.ts";
import { writePlatformDirectory } from "../../lifecycle/platform/build/platform-directory.ts";
import { refuseTraps } from "../../lifecycle/platform/build/untrusted.ts";
import { placesFrom } from "../../lifecycle/platform/places.ts";
import { fileInRootfs, homeOf } from "../../lifecycle/platform/rootfs-files.ts";
import { noSettings, readSettings } from "../../lifecycle/platform/settings.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-platform-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const context = (signal = new AbortController().signal): Context => ({
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(0),
  signal,
});
const code = (value: string): object => expect.objectContaining({ code: value }) as object;

describe("the copy of the application", () => {
  test("has modes and links as they are, and leaves out what is excluded", async () => {
    const [source, target] = [join(folder, "app"), join(folder, "copy")];
    mkdirSync(join(source, "bin"), { recursive: true });
    mkdirSync(target);
    writeFileSync(join(source, "bin/start"), "#!/bin/sh\n");
    chmodSync(join(source, "bin/start"), 0o751);
    chmodSync(join(source, "bin"), 0o555);
    symlinkSync("bin/start", join(source, "link"));
    symlinkSync("/etc/passwd", join(source, "outside"));
    writeFileSync(join(source, "secret"), "x");
    execFileSync("mkfifo", [join(source, "pipe")]);
    const copied = await copyApplication(source, target, (path) => path !== "secret", context());
    expect(copied).toEqual({ files: 1, bytes: 10, skipped: ["pipe"], secretLike: [] });
    expect(statSync(join(target, "bin/start")).mode & 0o7777).toBe(0o751);
    expect(statSync(join(target, "bin")).mode & 0o7777).toBe(0o555);
    expect([readlinkSync(join(target, "link")), readlinkSync(join(target, "outside"))]).toEqual([
      "bin/start",
      "/etc/passwd",
    ]);
    chmodSync(join(source, "bin"), 0o755);
    chmodSync(join(target, "bin"), 0o755);
  });

  test("names what is not a directory, and stops when canceled", async () => {
    await expect(copyApplication(join(folder, "absent"), folder, () => true, context())).rejects.toEqual(
      code("FILE_NOT_FOUND"),
    );
    mkdirSync(join(folder, "a"));
    await expect(copyApplication(join(folder, "a"), folder, () => true, context(AbortSignal.abort()))).rejects.toEqual(
      code("CANCELED"),
    );
  });
});

describe("what buildpacks leave in the layers directory", () => {
  const layers = (): string => {
    mkdirSync(join(folder, "layers/bp/layer"), { recursive: true });
    mkdirSync(join(folder, "layers/config"));
    mkdirSync(join(folder, "layers/sbom/launch/bp"), { recursive: true });
    for (const name of [
      "group.toml",
      "bp/layer.toml",
      "bp/layer.sbom.cdx.json",
      "config/metadata.toml",
      "sbom/launch/bp/sbom.cdx.json",
    ])
      writeFileSync(join(folder, "layers", name), "");
    return join(folder, "layers");
  };

  test("passes when what we read by name is regular, with links inside of layers", async () => {
    const directory = layers();
    symlinkSync("/etc", join(directory, "bp/layer/etc"));
    symlinkSync("/etc", join(directory, "bp/linked-layer"));
    await expect(refuseTraps(directory)).resolves.toBeUndefined();
  });

  test.each([
    "group.toml",
    "bp",
    "bp/layer.toml",
    "bp/layer.sbom.cdx.json",
    "config",
    "config/metadata.toml",
    "sbom/launch",
    "sbom/launch/bp/sbom.cdx.json",
  ])("is refused when %s is a link", async (name) => {
    const directory = layers();
    rmSync(join(directory, name), { recursive: true });
    symlinkSync("/etc/passwd", join(directory, name));
    await expect(refuseTraps(directory)).rejects.toEqual(code("BUILD_FAILED"));
  });
});

describe("the platform directory", () => {
  test("has a file per variable and the machine's certificates", async () => {
    const directory = join(folder, "platform");
    await writePlatformDirectory(
      { path: directory, name: "/platform" },
      { env: { A: "one\ntwo", PIP_CERT: "/own" }, certificates: "PEM" },
    );
    const read = (name: string): string => readFileSync(join(directory, name), "utf8");
    expect([
      read("env/A"),
      read("env/PIP_CERT"),
      read("env/SSL_CERT_FILE"),
      read("certificates/ca-certificates.crt"),
    ]).toEqual(["one\ntwo", "/own", "/platform/certificates/ca-certificates.crt", "PEM"]);
  });

  test.each(["../x", "a/b", "", ".."])("the name %j is refused", async (name) => {
    await expect(
      writePlatformDirectory(
        { path: join(folder, "platform"), name: "/platform" },
        { env: { [name]: "x" }, certificates: undefined },
      ),
    ).rejects.toEqual(code("INVALID_ENV"));
  });
});

describe("places", () => {
  test("TSPACK_HOME moves all of them", () => {
    const places = placesFrom({ TSPACK_HOME: "/t", HOME: "/h", XDG_CACHE_HOME: "/c" });
    expect(Object.values(places).filter((path) => !path.startsWith("/t/"))).toEqual([]);
  });

  test("otherwise they follow the XDG variables and HOME", () => {
    const places = placesFrom({ HOME: "/h", XDG_CACHE_HOME: "/c" });
    expect([places.images, places.blobs, places.config]).toEqual([
      "/h/.local/share/tspack/images",
      "/c/tspack/blobs",
      "/h/.config/tspack/config.toml",
    ]);
  });

  test.each([{ HOME: "" }, { HOME: "relative" }, { TSPACK_HOME: "here", HOME: "/h" }])("%j is an error", (env) => {
    expect(() => placesFrom(env)).toThrow(code("INVALID_ENV"));
  });
});

describe("files of an unpacked image", () => {
  test("are not found through a link, which would lead to this machine", () => {
    mkdirSync(join(folder, "cnb"));
    writeFileSync(join(folder, "cnb/run.toml"), "");
    symlinkSync("/etc", join(folder, "etc"));
    expect(fileInRootfs(folder, "/cnb/run.toml")).toBe(join(folder, "cnb/run.toml"));
    expect(fileInRootfs(folder, "/etc/passwd")).toBeUndefined();
    expect(fileInRootfs(folder, "/cnb/none")).toBeUndefined();
  });

  test("the home of a user is the one in passwd, or /tmp", () => {
    mkdirSync(join(folder, "etc"));
    writeFileSync(
      join(folder, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\ncnb:x:1000:1000::/home/cnb:/bin/sh\nodd:x:7:7::/a/../..:/bin/sh\n",
    );
    expect([homeOf(folder, 1000), homeOf(folder, 4321), homeOf(folder, 7)]).toEqual(["/home/cnb", "/tmp", "/tmp"]);
  });
});

describe("settings", () => {
  test("are empty without a file, and name every unknown key", () => {
    const file = join(folder, "config.toml");
    expect(readSettings(file)).toEqual(noSettings);
    writeFileSync(file, 'debian-mirror = "http://mirror.example/debian"\n');
    expect(readSettings(file).debianMirror).toBe("http://mirror.example/debian");
    writeFileSync(file, "debain-mirror = 1\n");
    expect(() => readSettings(file)).toThrow(code("INVALID_TOML"));
  });
});
