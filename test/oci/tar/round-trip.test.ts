import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteString } from "../../../lifecycle/oci/tar/byte-string.ts";
import { encodeHeader, paddingAfter, type EntryType, type TarHeader } from "../../../lifecycle/oci/tar/header.ts";
import { END_OF_ARCHIVE } from "../../../lifecycle/oci/tar/pack.ts";
import { readTar } from "../../../lifecycle/oci/tar/unpack.ts";

interface Entry {
  readonly header: TarHeader;
  readonly content: Uint8Array;
}

function tarOf(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ header, content }) => [
    encodeHeader({ ...header, size: content.length }),
    content,
    Buffer.alloc(paddingAfter(content.length)),
  ]);
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

async function* streamOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(tar: Uint8Array, chunk = tar.length): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const { header, content } of readTar(streamOf(tar, chunk))) {
    const parts: Uint8Array[] = [];
    for await (const part of content()) parts.push(part);
    entries.push({ header, content: Buffer.concat(parts) });
  }
  return entries;
}

const file = (name: string | Uint8Array): TarHeader => ({ name, type: "file", mode: 0o644, uid: 0, gid: 0 });

const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)))
  .filter((bytes) => bytes.at(-1) !== 0x2f);
const asciiName = fc.stringMatching(/^(\/[a-z.-]{1,60}){1,8}$/).map((name) => Buffer.from(name));
const number = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 40 }));
const types = fc.constantFrom<EntryType>("file", "dir", "symlink", "hardlink", "fifo");
const entry = fc
  .record({
    name: fc.oneof(nameBytes, asciiName),
    linkname: fc.oneof(nameBytes, asciiName),
    type: types,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: number,
    gid: number,
    content: fc.uint8Array({ maxLength: 1500 }),
  })
  .map(({ content, linkname, ...header }): Entry => {
    const isLink = header.type === "symlink" || header.type === "hardlink";
    return {
      header: { ...header, ...(isLink ? { linkname } : {}) },
      content: Buffer.from(header.type === "file" ? content : []),
    };
  });

/** An entry in the form that both sides have in common. */
const plain = ({ header, content }: Entry) => ({
  name: byteString(header.name),
  linkname: byteString(header.linkname ?? ""),
  owner: [header.type, header.mode, header.uid, header.gid],
  content,
});

describe("tar", () => {
  it("gives back every name, owner, mode and byte, however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), fc.integer({ min: 1, max: 3000 }), async (entries, chunk) => {
        const found = await read(tarOf(entries), chunk);
        expect(found.map(plain)).toEqual(entries.map(plain));
      }),
      { numRuns: 150 },
    );
  });

  it("writes what GNU tar reads", () => {
    const names = ["/short", `/${"long/".repeat(40)}name`, "/ünï/cödé", `/${"x".repeat(180)}`];
    const tar = tarOf(names.map((name) => ({ header: file(name), content: Buffer.from(name) })));
    const options = { input: tar, env: { ...process.env, LC_ALL: "C.UTF-8" } };
    const listed = execFileSync("tar", ["-tPf", "-", "--quoting-style=literal"], options).toString();
    expect(listed.trimEnd().split("\n")).toEqual(names);
    expect(execFileSync("tar", ["-xPOf", "-"], options).toString()).toBe(names.join(""));
  });

  it("reads GNU tar's long names and binary numbers", async () => {
    const script =
      'd=$(mktemp -d) && cd "$d" && n=$(printf %0150d 7) && echo hi >"$n" && ln -s "$n" l && ' +
      'tar --format=gnu --owner=:3000000 --group=:5 --mtime=@77 -cf - "$n" l && rm -r "$d"';
    const tar = execFileSync("sh", ["-c", script]);
    const name = "7".padStart(150, "0");
    const found = await read(tar, 100);
    expect(found.map(({ header }) => [header.name, header.linkname, header.uid, header.gid, header.mtime])).toEqual([
      [name, "", 3_000_000, 5, 77],
      ["l", name, 3_000_000, 5, 77],
    ]);
    expect(Buffer.from(found[0]?.content ?? []).toString()).toBe("hi\n");
  });

  it("skips content that nobody asks for", async () => {
    const tar = tarOf([
      { header: file("/a"), content: Buffer.alloc(5000, 1) },
      { header: file("/b"), content: Buffer.from("b") },
    ]);
    const names: unknown[] = [];
    for await (const { header } of readTar(streamOf(tar, 333))) names.push(header.name);
    expect(names).toEqual(["/a", "/b"]);
  });

  it("gives content at once where all of it is here, in chunks of any size", async () => {
    const contents = [0, 1, 511, 512, 5000, 70].map((size, index) => Buffer.alloc(size, index + 1));
    const tar = tarOf(contents.map((content, index) => ({ header: file(`/${index}`), content })));
    for (const chunk of [100, 512, 1000, 1536, 3000, tar.length]) {
      const found: Buffer[] = [];
      let atOnce = 0;
      for await (const { whole, content } of readTar(streamOf(tar, chunk))) {
        const bytes = whole();
        if (bytes !== undefined) atOnce += 1;
        const parts: Uint8Array[] = bytes === undefined ? [] : [bytes];
        // After all was given there is no more of it.
        for await (const part of content()) parts.push(part);
        found.push(Buffer.concat(parts));
      }
      expect(found, String(chunk)).toEqual(contents);
      expect(atOnce).toBeGreaterThan(chunk === tar.length ? 5 : 0);
    }
  });

  it("ignores a size of what has no content, so that it hides no entries", async () => {
    const link = Buffer.from(encodeHeader({ ...file("/l"), type: "symlink", linkname: "t", size: 512 }));
    const tar = Buffer.concat([link, tarOf([{ header: file("/seen"), content: Buffer.alloc(0) }])]);
    expect((await read(tar)).map(({ header }) => header.name)).toEqual(["/l", "/seen"]);
  });

  const good = tarOf([{ header: file(`/${"ü".repeat(60)}`), content: Buffer.from("content") }]);
  const broken = (at: number, text: string): Buffer => {
    const tar = Buffer.from(good);
    tar.write(text, at, "latin1");
    return tar;
  };

  it.each([
    ["a wrong checksum", broken(148, "0000001")],
    ["a number that is none", broken(124, "zz")],
    ["a malformed PAX record", broken(512, "999 path")],
    ["an end within a header", good.subarray(0, 300)],
    ["an end within the content", good.subarray(0, 512 * 3 + 3)],
    ["something else than a tar", Buffer.from("this is no tar ".repeat(100))],
  ])("refuses %s", async (_, tar) => {
    await expect(read(tar, 200)).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  it("refuses an extended header that would fill the memory", async () => {
    const header = Buffer.from(encodeHeader({ ...file("huge"), size: 2 ** 32 }));
    header.write("x", 156);
    let sum = 0;
    header.fill(0x20, 148, 156);
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    await expect(read(header)).rejects.toMatchObject({ code: "INVALID_TAR" });
  });

  it("closes its source when the reader stops early", async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* streamOf(good, 100);
      } finally {
        closed = true;
      }
    }
    for await (const { header } of readTar(source())) {
      expect(header.type).toBe("file");
      break;
    }
    expect(closed).toBe(true);
  });
});
