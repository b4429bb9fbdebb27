import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import { encodeHeader, paddingAfter, type EntryType } from "../../lifecycle/oci/tar/header.ts";
import { END_OF_ARCHIVE } from "../../lifecycle/oci/tar/pack.ts";
import { casesIn, golden, readCase, readTarFile } from "./tar-data.ts";

interface Entry {
  readonly name?: string;
  readonly nameBase64?: string;
  readonly linkname?: string;
  readonly linknameBase64?: string;
  readonly type: EntryType;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly text?: string;
  readonly base64?: string;
  readonly fill?: { readonly byte: number; readonly size: number };
}

interface EdgeCase {
  readonly case: string;
  readonly entry: Entry;
  readonly exitCode: number;
  readonly sha256?: string;
}

function tarOf(entries: readonly Entry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = contentOf(entry);
    const header = {
      name: entry.nameBase64 === undefined ? (entry.name ?? "") : Buffer.from(entry.nameBase64, "base64"),
      linkname:
        entry.linknameBase64 === undefined ? (entry.linkname ?? "") : Buffer.from(entry.linknameBase64, "base64"),
      type: entry.type,
      mode: Number.parseInt(entry.mode, 8),
      uid: entry.uid,
      gid: entry.gid,
      size: content.length,
    };
    parts.push(encodeHeader(header), content, new Uint8Array(paddingAfter(content.length)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

function contentOf(entry: Entry): Uint8Array {
  if (entry.text !== undefined) return Buffer.from(entry.text);
  if (entry.base64 !== undefined) return Buffer.from(entry.base64, "base64");
  return entry.fill === undefined ? new Uint8Array() : Buffer.alloc(entry.fill.size, entry.fill.byte);
}

describe("tar headers are the reference's bytes", () => {
  for (const name of casesIn("headers")) {
    golden(name, () => {
      const recorded = readCase(name) as { readonly entries: readonly Entry[]; readonly sha256: string };
      const tar = tarOf(recorded.entries);
      if (createHash("sha256").update(tar).digest("hex") === recorded.sha256) return;
      const expected = readTarFile(name);
      const at = tar.findIndex((byte, index) => byte !== expected[index]) & ~511;
      expect(tar.subarray(at, at + 512).toString("latin1")).toBe(expected.subarray(at, at + 512).toString("latin1"));
      expect(tar.length).toBe(expected.length);
    });
  }

  golden("headers-edge", () => {
    const { cases } = readCase("headers-edge") as { readonly cases: readonly EdgeCase[] };
    for (const recorded of cases) {
      if (recorded.exitCode !== 0) {
        expect(() => tarOf([recorded.entry]), recorded.case).toThrow(expect.objectContaining({ code: "INVALID_TAR" }));
      } else {
        const sha256 = createHash("sha256")
          .update(tarOf([recorded.entry]))
          .digest("hex");
        expect(sha256, recorded.case).toBe(recorded.sha256);
      }
    }
  });
});
