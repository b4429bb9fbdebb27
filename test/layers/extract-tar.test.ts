import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { tarOf, type TestEntry } from "./tar-of.ts";

let base = "";
let root = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "tspack-unpack-"));
  root = join(base, "root");
  mkdirSync(root);
  mkdirSync(join(base, "secret"));
  writeFileSync(join(base, "secret/file"), "untouched");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const restore = (...entries: readonly TestEntry[]) => extractTar(tarOf(...entries), root, { mode: "restore" });
const image = (...entries: readonly TestEntry[]) => extractTar(tarOf(...entries), root, { mode: "image" });
const read = (name: string) => readFileSync(join(root, name), "utf8");
const modeOf = (name: string) => statSync(join(root, name)).mode & 0o7777;

function expectUntouched(): void {
  expect(readdirSync(join(base, "secret"))).toEqual(["file"]);
  expect(readFileSync(join(base, "secret/file"), "utf8")).toBe("untouched");
  expect(readdirSync(base).sort()).toEqual(["root", "secret"]);
}

const escapes: readonly (readonly [string, readonly TestEntry[]])[] = [
  ["a name with ..", [{ name: "../evil", text: "x" }]],
  ["an absolute name with ..", [{ name: "/a/../../evil", text: "x" }]],
  [
    "a link to the parent",
    [
      { name: "l", type: "symlink", linkname: ".." },
      { name: "l/evil", text: "x" },
    ],
  ],
  [
    "a link that is made while its directory is known",
    [
      { name: "d/file", text: "x" },
      { name: "d/l", type: "symlink", linkname: "../../secret" },
      { name: "d/l/evil", text: "x" },
    ],
  ],
  [
    "links that lead outside together",
    [
      { name: "a", type: "symlink", linkname: "." },
      { name: "b", type: "symlink", linkname: "a/.." },
      { name: "b/evil", text: "x" },
    ],
  ],
  [
    "a file over a link that leads outside",
    [
      { name: "l", type: "symlink", linkname: "../secret/file" },
      { name: "l", text: "overwritten" },
    ],
  ],
  [
    "a file over a link to nothing",
    [
      { name: "l", type: "symlink", linkname: "../evil" },
      { name: "l", text: "x" },
    ],
  ],
  ["the root as a file", [{ name: ".", text: "x" }]],
];

describe("restoring a layer", () => {
  it.each(escapes)("refuses %s", async (_, entries) => {
    await expect(restore(...entries)).rejects.toMatchObject({ code: "INVALID_TAR" });
    expectUntouched();
  });

  it("refuses a directory through a link that leads outside", async () => {
    symlinkSync("../secret", join(root, "l"));
    await expect(restore({ name: "l/made", type: "dir" })).rejects.toMatchObject({ code: "INVALID_TAR" });
    expectUntouched();
  });

  it("maps a place's name to where it is, and skips the directories above it", async () => {
    const layer = [
      { name: "/layers", type: "dir", mode: 0o700 },
      { name: "/layers/bp", type: "dir", mode: 0o750 },
      { name: "/layers/bp/layer/file", text: "restored" },
    ] as const;
    await extractTar(tarOf(...layer), { path: root, name: "/layers" }, { mode: "restore" });
    expect(read("bp/layer/file")).toBe("restored");
    expect(modeOf("bp")).toBe(0o750);
  });

  it.each(["/etc/passwd", "/layersevil/file", "/layers/../etc/passwd", "etc/passwd"])(
    "refuses %s in a place called /layers",
    async (name) => {
      const restoring = extractTar(tarOf({ name, text: "x" }), { path: root, name: "/layers" }, { mode: "restore" });
      await expect(restoring).rejects.toMatchObject({ code: "INVALID_TAR" });
      expect(readdirSync(root)).toEqual([]);
    },
  );

  it("sets modes whatever the umask is", async () => {
    const before = process.umask(0o077);
    try {
      await restore({ name: "d", type: "dir", mode: 0o777 }, { name: "d/f", mode: 0o666, text: "x" });
    } finally {
      process.umask(before);
    }
    expect([modeOf("d"), modeOf("d/f")]).toEqual([0o777, 0o666]);
  });

  it("keeps names that are not UTF-8", async () => {
    const name = Buffer.from([0x62, 0xff]);
    await extractTar(tarOf({ name: name as unknown as string, text: "x" }), root, { mode: "restore" });
    expect(readdirSync(root, { encoding: "buffer" })).toEqual([name]);
  });

  it("stops when the build is cancelled", async () => {
    const extracting = extractTar(tarOf({ name: "f" }), root, {
      mode: "restore",
      signal: AbortSignal.abort(new Error("stop")),
    });
    await expect(extracting).rejects.toThrow("stop");
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("unpacking an image", () => {
  const contained = escapes.filter(([name]) => !name.includes("..") && !name.includes("root"));
  it.each(contained)("keeps %s inside, as a chroot would", async (_, entries) => {
    await image(...entries);
    expectUntouched();
  });

  it.each(escapes.filter(([name]) => name.includes("..") || name.includes("root")))(
    "refuses %s",
    async (_, entries) => {
      await expect(image(...entries)).rejects.toMatchObject({ code: "INVALID_TAR" });
      expectUntouched();
    },
  );

  it("follows an absolute link within the image", async () => {
    await image({ name: "run", type: "dir" }, { name: "var/run", type: "symlink", linkname: "/run" });
    await image({ name: "var/run/pid", text: "1" });
    expect(read("run/pid")).toBe("1");
    expect(readlinkSync(join(root, "var/run"))).toBe("/run");
  });

  it("does not go on for ever with links that lead to each other", async () => {
    await image({ name: "a", type: "symlink", linkname: "b" }, { name: "b", type: "symlink", linkname: "a" });
    await expect(image({ name: "a/f", text: "x" })).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  it("applies whiteouts to the layers below, and not to its own entries", async () => {
    await image({ name: "d/old", text: "1" }, { name: "d/kept/f", text: "1" }, { name: "gone/f", text: "1" });
    await image(
      { name: "d/kept/g", text: "2" },
      { name: ".wh.gone" },
      { name: "d/new", text: "2" },
      { name: "d/.wh..wh..opq" },
    );
    expect(readdirSync(root)).toEqual(["d"]);
    expect(readdirSync(join(root, "d")).sort()).toEqual(["kept", "new"]);
    expect(readdirSync(join(root, "d/kept"))).toEqual(["g"]);
  });

  it("takes files for files in a copy, whatever their names begin with", async () => {
    const entries = [{ name: "d/kept", text: "1" }, { name: "d/.wh.kept", text: "2" }, { name: "d/.wh..wh..opq" }];
    await extractTar(tarOf(...entries), root, { mode: "copy" });
    expect(readdirSync(join(root, "d")).sort()).toEqual([".wh..wh..opq", ".wh.kept", "kept"]);
    expect(read("d/.wh.kept")).toBe("2");
  });

  it.each([".wh.", ".wh..", ".wh..."])("refuses the whiteout %s", async (name) => {
    await image({ name: "d/f", text: "1" });
    await expect(image({ name: `d/${name}` })).rejects.toMatchObject({ code: "INVALID_TAR" });
    expect(read("d/f")).toBe("1");
  });

  it("replaces files, links and directories by what comes later, never through a link", async () => {
    await image(
      { name: "a", type: "symlink", linkname: "target" },
      { name: "target", text: "old" },
      { name: "b/f", text: "1" },
    );
    await image({ name: "a", text: "new" }, { name: "b", type: "symlink", linkname: "target" });
    expect([read("a"), read("target"), readlinkSync(join(root, "b"))]).toEqual(["new", "old", "target"]);
  });

  it("makes hard links, skips devices and keeps times", async () => {
    await image(
      { name: "one", text: "same", mtime: 1_000_000_000 },
      { name: "/two", type: "hardlink", linkname: "/one" },
      { name: "dev/null", type: "char", devMajor: 1, devMinor: 3 },
      { name: "pipe", type: "fifo" },
    );
    expect(statSync(join(root, "one")).ino).toBe(statSync(join(root, "two")).ino);
    expect(lstatSync(join(root, "one")).mtimeMs).toBe(1_000_000_000_000);
    expect(existsSync(join(root, "dev/null")) || existsSync(join(root, "pipe"))).toBe(false);
  });

  it("refuses a hard link to a file of this machine", async () => {
    const linking = image(
      { name: "l", type: "symlink", linkname: "../secret" },
      { name: "h", type: "hardlink", linkname: "l/file" },
    );
    await expect(linking).rejects.toMatchObject({ code: "INVALID_TAR" });
    expectUntouched();
  });

  it("leaves what is the caller's readable and without setuid, so that later layers can be put on top", async () => {
    await image({ name: "d", type: "dir", mode: 0o555 }, { name: "d/f", mode: 0o4000, text: "x" });
    await image({ name: "d/g", text: "y" });
    expect([modeOf("d"), modeOf("d/f")]).toEqual([0o755, 0o400]);
  });

  const asRoot = process.getuid?.() === 0 || process.env["CI"] ? it : it.skip;
  asRoot("sets owners and all modes for root", async () => {
    const entries = [
      { name: "d", type: "dir", mode: 0o2555, uid: 7, gid: 8 },
      { name: "d/f", mode: 0o4755, uid: 9, gid: 10, text: "x" },
      { name: "l", type: "symlink", linkname: "d", uid: 11, gid: 12 },
    ] as const;
    await extractTar(tarOf(...entries), root, { mode: "image", chown: true });
    const owners = ["d", "d/f", "l"].map((name) => lstatSync(join(root, name))).map(({ uid, gid }) => [uid, gid]);
    expect(owners).toEqual([
      [7, 8],
      [9, 10],
      [11, 12],
    ]);
    expect([modeOf("d/f"), lstatSync(join(root, "d")).mode & 0o7777]).toEqual([0o4755, 0o2555]);
  });
});
