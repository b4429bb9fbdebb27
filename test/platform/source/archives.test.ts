import { execFileSync } from "node:child_process";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { encodeHeader, paddingAfter, type TarHeader } from "../../../lifecycle/oci/tar/header.ts";
import { END_OF_ARCHIVE } from "../../../lifecycle/oci/tar/pack.ts";
import { archiveLimits } from "../../../lifecycle/platform/source/archive-bounds.ts";
import {
  openApplication,
  type OpenApplicationOptions,
  type OpenedApplication,
} from "../../../lifecycle/platform/source/open-application.ts";
import { makeZip } from "../../fakes/zip.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-source-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const code = (value: string): object => expect.objectContaining({ code: value }) as object;
const said = (value: string, message: RegExp): object =>
  expect.objectContaining({
    code: value,
    message: expect.stringMatching(message) as string,
    hint: expect.any(String) as string,
  }) as object;

function options(more: Partial<OpenApplicationOptions> = {}): OpenApplicationOptions {
  const ctx: Context = {
    logger: silentLogger,
    progress: silentProgress,
    clock: () => new Date(0),
    signal: new AbortController().signal,
  };
  return { cwd: folder, scratch: join(folder, "scratch"), ctx, ...more };
}

/** Puts bytes into a file and opens it as an application. */
function openBytes(bytes: Uint8Array, more: Partial<OpenApplicationOptions> = {}): Promise<OpenedApplication> {
  writeFileSync(join(folder, "archive"), bytes);
  return openApplication("archive", options(more));
}

type Entry = Omit<TarHeader, "mode" | "uid" | "gid" | "size"> & { readonly mode?: number; readonly content?: string };

function makeTar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ content = "", ...header }) => {
    const body = Buffer.from(content);
    const mode = header.mode ?? (header.type === "dir" ? 0o755 : 0o644);
    return [
      encodeHeader({ uid: 0, gid: 0, ...header, mode, size: body.length }),
      body,
      Buffer.alloc(paddingAfter(body.length)),
    ];
  });
  return Buffer.concat([...blocks, END_OF_ARCHIVE]);
}

const scratchIsEmpty = (): boolean =>
  !existsSync(join(folder, "scratch")) || readdirSync(join(folder, "scratch")).length === 0;

/** Seconds; even, because times in zip files are. */
const builtAt = 1_700_000_000;

function appDirectory(): string {
  const app = join(folder, "app");
  mkdirSync(join(app, "bin"), { recursive: true });
  writeFileSync(join(app, "bin/start"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(app, "grüße.txt"), "hello", { mode: 0o644 });
  symlinkSync("bin/start", join(app, "start"));
  utimesSync(join(app, "bin/start"), builtAt, builtAt);
  return app;
}

function expectApp(directory: string): void {
  expect(readdirSync(directory).sort()).toEqual(["bin", "grüße.txt", "start"]);
  expect(readFileSync(join(directory, "grüße.txt"), "utf8")).toBe("hello");
  expect(statSync(join(directory, "bin/start")).mode & 0o7777).toBe(0o755);
  expect(readlinkSync(join(directory, "start"))).toBe("bin/start");
  expect(Math.floor(statSync(join(directory, "bin/start")).mtimeMs / 2000)).toBe(builtAt / 2);
}

describe("what --path names", () => {
  test("is a directory, a link to one too, and stays as it is", async () => {
    const app = appDirectory();
    symlinkSync("app", join(folder, "link"));
    for (const spec of ["app", "./app/", "link", app]) {
      const opened = await openApplication(spec, options());
      expect(opened).toMatchObject({ directory: app, unpacked: false });
      await opened.close();
    }
    expectApp(app);
  });

  test("is an archive that tar and zip made, whatever its name, and goes away afterwards", async () => {
    const app = appDirectory();
    execFileSync("tar", ["-C", app, "-cf", join(folder, "plain"), "."]);
    execFileSync("tar", ["-C", app, "-czf", join(folder, "packed.zip"), "bin", "grüße.txt", "start"]);
    execFileSync("zip", ["-q", "-r", "-y", join(folder, "zipped"), "."], { cwd: app });
    for (const spec of ["plain", "packed.zip", "zipped.zip"]) {
      const opened = await openApplication(spec, options());
      expectApp(opened.directory);
      expect(opened.unpacked).toBe(true);
      expect(statSync(join(opened.directory, "..")).mode & 0o777).toBe(0o700);
      await opened.close();
      expect(scratchIsEmpty()).toBe(true);
    }
  });

  test("is an archive on standard input", async () => {
    const app = appDirectory();
    execFileSync("tar", ["-C", app, "-czf", join(folder, "app.tgz"), "."]);
    execFileSync("zip", ["-q", "-r", "-y", join(folder, "app.zip"), "."], { cwd: app });
    for (const name of ["app.tgz", "app.zip"]) {
      const stdin = createReadStream(join(folder, name), { highWaterMark: 100 });
      const opened = await openApplication("-", options({ stdin }));
      expectApp(opened.directory);
      await opened.close();
    }
    await expect(openApplication("-", options())).rejects.toEqual(code("INVALID_ARGUMENTS"));
    const empty = options({ stdin: (async function* () {})() });
    await expect(openApplication("-", empty)).rejects.toEqual(said("INVALID_APPLICATION", /empty/));
    expect(scratchIsEmpty()).toBe(true);
  });

  test("has to be there, and to be one of these", async () => {
    await expect(openApplication("absent", options())).rejects.toEqual(code("FILE_NOT_FOUND"));
    await expect(openBytes(Buffer.from("PKxx, but no archive"))).rejects.toEqual(
      said("INVALID_APPLICATION", /neither/),
    );
    await expect(openBytes(Buffer.from([]))).rejects.toEqual(code("INVALID_APPLICATION"));
    await expect(openBytes(Buffer.from("BZh91AY"))).rejects.toEqual(said("INVALID_APPLICATION", /bzip2/));
    await expect(openBytes(Buffer.from("\xfd7zXZ\0", "latin1"))).rejects.toEqual(said("INVALID_APPLICATION", /xz/));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(openApplication("pipe", options())).rejects.toEqual(code("INVALID_ARGUMENTS"));
  });

  test("in zstd is read where Node can, and refused with a way out where it can not", async () => {
    const compress: unknown = Reflect.get(zlib, "zstdCompressSync");
    if (typeof compress !== "function") {
      const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0, 1, 0, 0]);
      await expect(openBytes(zstd)).rejects.toEqual(said("TOOL_MISSING", /zstd/));
      return;
    }
    const tar = makeTar([{ name: "a", type: "file", content: "1" }]);
    const opened = await openBytes((compress as (bytes: Uint8Array) => Buffer)(tar));
    expect(readFileSync(join(opened.directory, "a"), "utf8")).toBe("1");
  });
});

describe("a tar with an entry that", () => {
  const link: Entry = { name: "out", type: "symlink", linkname: "/tmp" };
  const cases: readonly (readonly [string, readonly Entry[], RegExp])[] = [
    ["is absolute", [{ name: "/etc/passwd", type: "file", content: "x" }], /"\/etc\/passwd".*absolute/],
    ["leads upwards", [{ name: "a/../../b", type: "file", content: "x" }], /has \.\./],
    ["goes through a link", [link, { name: "out/owned", type: "file", content: "x" }], /through the link out/],
    ["makes a directory below a link", [link, { name: "out/owned", type: "dir" }], /through the link out/],
    ["is a directory where a link is", [link, { name: "out", type: "dir" }], /through the link out/],
    [
      "goes through a file",
      [
        { name: "f", type: "file" },
        { name: "f/g", type: "file" },
      ],
      /through the file f/,
    ],
    [
      "is a file where a directory is",
      [
        { name: "d/x", type: "file" },
        { name: "d", type: "file" },
      ],
      /directory and/,
    ],
    ["is a device", [{ name: "null", type: "char", devMajor: 1, devMinor: 3 }], /is a device/],
    ["is a pipe", [{ name: "pipe", type: "fifo" }], /is a pipe/],
    ["is a hard link to outside", [{ name: "h", type: "hardlink", linkname: "/etc/passwd" }], /absolute/],
    ["is a hard link to a link", [link, { name: "h", type: "hardlink", linkname: "out" }], /no file of the archive/],
  ];
  test.each(cases)("%s is refused by name", async (_, entries, message) => {
    await expect(openBytes(makeTar(entries))).rejects.toEqual(said("INVALID_APPLICATION", message));
    expect(scratchIsEmpty()).toBe(true);
  });

  test("comes twice has the content of the last, and hard links become files", async () => {
    const tar = makeTar([
      { name: "./", type: "dir", mode: 0 },
      { name: "./a", type: "file", content: "old" },
      { name: "link", type: "symlink", linkname: "a" },
      { name: "a", type: "file", content: "new", mode: 0o4711 },
      { name: "link", type: "file", content: "no link" },
      { name: "b", type: "hardlink", linkname: "./a" },
      { name: "closed/deep/c", type: "file", content: "c" },
      { name: "closed", type: "dir", mode: 0 },
    ]);
    const { directory } = await openBytes(zlib.gzipSync(tar));
    expect(["a", "b", "link"].map((name) => readFileSync(join(directory, name), "utf8"))).toEqual([
      "new",
      "new",
      "no link",
    ]);
    expect(statSync(join(directory, "a")).mode & 0o7777).toBe(0o711);
    expect(statSync(join(directory, "a")).nlink).toBe(1);
    expect(statSync(join(directory, "closed")).mode & 0o7777).toBe(0o700);
  });
});

describe("a zip with an entry that", () => {
  const cases: readonly (readonly [string, Parameters<typeof makeZip>[0], RegExp])[] = [
    ["is absolute", [{ name: "/etc/passwd" }], /damaged zip/],
    ["leads upwards", [{ name: "../b" }], /damaged zip/],
    ["leads upwards, made on Unix", [{ name: "a/../../b", mode: 0o100644 }], /damaged zip|has \.\./],
    ["leads upwards with backslashes", [{ name: "..\\b" }], /damaged zip/],
    ["goes through a link", [{ name: "out", mode: 0o120777, content: "/tmp" }, { name: "out/x" }], /through the link/],
    ["is a device", [{ name: "null", mode: 0o020666 }], /a device/],
    ["is encrypted", [{ name: "a", flags: 1, deflate: true, content: "x" }], /encrypted/],
    ["has another checksum", [{ name: "a", mode: 0o100644, content: "x", crc: 1 }], /damaged/],
  ];
  test.each(cases)("%s is refused by name", async (_, entries, message) => {
    await expect(openBytes(makeZip(entries))).rejects.toEqual(said("INVALID_APPLICATION", message));
    expect(scratchIsEmpty()).toBe(true);
  });

  test("has no mode can be run, and modes count where there are some", async () => {
    const zip = makeZip([
      { name: "dir/gradlew", content: "#!/bin/sh", deflate: true },
      { name: "plain", mode: 0o100640, content: "x" },
      { name: "link", mode: 0o120777, content: "plain" },
      { name: "empty/", mode: 0o040750 },
    ]);
    const { directory } = await openBytes(zip);
    const mode = (name: string): number => statSync(join(directory, name)).mode & 0o7777;
    expect(["dir/gradlew", "plain", "empty"].map(mode)).toEqual([0o755, 0o640, 0o750]);
    expect(readlinkSync(join(directory, "link"))).toBe("plain");
  });
});

describe("an archive that would fill the disk", () => {
  const limits = { ...archiveLimits, entries: 3, bytes: 1 << 20, ratioFrom: 1 << 16 };
  const zeros = "\0".repeat(1 << 18);

  test("is refused by the number of its entries", async () => {
    const many = makeTar(["a", "b", "c", "d"].map((name) => ({ name, type: "dir" as const })));
    await expect(openBytes(many, { limits })).rejects.toEqual(said("INVALID_APPLICATION", /more than 3 entries/));
  });

  test("is refused by its size, and by how much comes out of little", async () => {
    const large = makeTar([1, 2, 3].map((name) => ({ name: String(name), type: "file", content: zeros + zeros })));
    await expect(openBytes(large, { limits })).rejects.toEqual(said("INVALID_APPLICATION", /more than 1048576 bytes/));
    const packed = [
      zlib.gzipSync(makeTar([{ name: "a", type: "file", content: zeros }])),
      makeZip([{ name: "a", content: zeros, deflate: true }]),
    ];
    for (const bomb of packed)
      await expect(openBytes(bomb, { limits })).rejects.toEqual(said("INVALID_APPLICATION", /for each packed one/));
    expect(scratchIsEmpty()).toBe(true);
  });

  test("is refused when it is damaged or ends early", async () => {
    const tar = makeTar([{ name: "a", type: "file", content: "x".repeat(2000) }]);
    const cut = [
      tar.subarray(0, 1000),
      zlib.gzipSync(tar).subarray(0, 60),
      makeZip([{ name: "a", content: zeros }]).subarray(0, 900),
    ];
    for (const bytes of cut) await expect(openBytes(bytes)).rejects.toEqual(said("INVALID_APPLICATION", /damaged/));
  });
});

test("stops when it is canceled", async () => {
  const { ctx } = options();
  const canceled = { ...ctx, signal: AbortSignal.abort() };
  await expect(openBytes(makeTar([{ name: "a", type: "file" }]), { ctx: canceled })).rejects.toEqual(code("CANCELED"));
  expect(scratchIsEmpty()).toBe(true);
});
