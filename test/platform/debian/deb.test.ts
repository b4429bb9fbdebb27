import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { readDeb, type Deb } from "../../../lifecycle/platform/debian/deb.ts";
import { makeAr, makeDeb, makeTar } from "./fake-archive.ts";

describe("readDeb", () => {
  test.each(["gz", "xz"] as const)("gives files, links, modes and owners of a package with %s data", async (form) => {
    const { bytes } = await makeDeb({
      name: "tool",
      version: "1",
      form,
      files: {
        "usr/bin/tool": { type: "file", mode: 0o4755, uid: 0, gid: 42, size: 0 },
        "usr/bin/again": { type: "link", linkname: "./usr/bin/tool" },
        "usr/bin/short": { type: "symlink", linkname: "../bin/tool" },
        [`usr/share/${"long/".repeat(30)}file`]: "text",
      },
    });
    const deb = await readDeb(bytes, "tool.deb");
    const found = new Map(deb.entries.map((each) => [each.path, each]));
    expect(found.get("usr/bin")).toMatchObject({ type: "dir", mode: 0o755 });
    expect(found.get("usr/bin/tool")).toMatchObject({ type: "file", mode: 0o4755, gid: 42, content: Buffer.alloc(0) });
    expect(found.get("usr/bin/again")).toMatchObject({ type: "hardlink", linkname: "usr/bin/tool" });
    expect(found.get("usr/bin/short")).toMatchObject({ type: "symlink", linkname: "../bin/tool" });
    expect(found.get(`usr/share/${"long/".repeat(30)}file`)?.content?.toString()).toBe("text");
    expect(deb.control).toContain("Package: tool\n");
    expect(deb.md5sums).toContain("some/file");
  });

  test("keeps the content of a file of several megabytes", async () => {
    const content = "0123456789abcdef".repeat(1 << 18);
    const { bytes } = await makeDeb({ name: "big", version: "1", files: { big: content } });
    const { entries } = await readDeb(bytes, "big.deb");
    expect(entries.find((each) => each.path === "big")?.content?.toString() === content).toBe(true);
  });

  test.each([
    ["a name with ..", { "../etc/passwd": "x" }],
    ["a hard link that leaves the root", { a: { type: "link", linkname: "../../etc/passwd" } as const }],
    ["a device", { "dev/sda": { type: "block-device" } as const }],
  ])("refuses %s", async (_what, files) => {
    const { bytes } = await makeDeb({ name: "bad", version: "1", files });
    await expect(readDeb(bytes, "bad.deb")).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  test("refuses an absolute name", async () => {
    const tar = await makeTar({ placeholder: "x" });
    tar.write("/etc/passwd\0\0", 0, "latin1");
    tar.write("        ", 148, "latin1");
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    const bytes = makeAr({ "debian-binary": Buffer.from("2.0\n"), "control.tar": await makeTar({}), "data.tar": tar });
    await expect(readDeb(bytes, "bad.deb")).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  test("reads zstd where Node can, and else says which Node could", async () => {
    const outcome = await unpackZstd().then(
      ({ entries }) => entries.map(({ path }) => path),
      (error: unknown) => (error as { code: string }).code,
    );
    expect(outcome).toEqual("zstdCompressSync" in zlib ? ["tool"] : "TOOL_MISSING");
  });

  async function unpackZstd(): Promise<Deb> {
    const data = await makeTar({ tool: "text" });
    const compress: unknown = Reflect.get(zlib, "zstdCompressSync");
    const packed = typeof compress === "function" ? (compress as (bytes: Buffer) => Buffer)(data) : Buffer.alloc(9);
    const members = {
      "debian-binary": Buffer.from("2.0\n"),
      "control.tar": Buffer.alloc(1024),
      "data.tar.zst": packed,
    };
    return readDeb(makeAr(members), "tool.deb");
  }

  test.each([
    ["no ar archive", Buffer.from("<html>not found</html>")],
    ["an ar archive without data", makeAr({ "debian-binary": Buffer.from("2.0\n") })],
    ["a member that is cut off", makeAr({ "control.tar": Buffer.alloc(512) }).subarray(0, 300)],
    [
      "data in a form that is not known",
      makeAr({ "control.tar": Buffer.alloc(1024), "data.tar.bz2": Buffer.alloc(9) }),
    ],
    ["damaged gzip data", makeAr({ "control.tar": Buffer.alloc(1024), "data.tar.gz": Buffer.from("no gzip") })],
    ["damaged xz data", makeAr({ "control.tar": Buffer.alloc(1024), "data.tar.xz": Buffer.from("no xz") })],
  ])("refuses %s and names the file", async (_what, bytes) => {
    await expect(readDeb(bytes, "pool/bad.deb")).rejects.toMatchObject({ code: "INVALID_TAR" });
  });
});
