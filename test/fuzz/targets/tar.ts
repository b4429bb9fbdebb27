import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorCode, TspackError } from "../../../lifecycle/errors.ts";
import { extractTar } from "../../../lifecycle/layers/extract-tar.ts";
import { inflate } from "../../../lifecycle/oci/blob-layer.ts";
import { digestOf } from "../../../lifecycle/oci/digest.ts";
import { gunzip } from "../../../lifecycle/oci/gunzip.ts";
import { encodeHeader, paddingAfter, type TarHeader } from "../../../lifecycle/oci/tar/header.ts";
import { END_OF_ARCHIVE } from "../../../lifecycle/oci/tar/pack.ts";
import { readTar } from "../../../lifecycle/oci/tar/unpack.ts";
import type { Random } from "../random.ts";
import { bytesOf, goldenFiles } from "../seeds.ts";
import type { FuzzTarget } from "../target.ts";

const block = 512;

function tarOf(entries: readonly (Omit<TarHeader, "uid" | "gid" | "mode"> & { readonly text?: string })[]): Uint8Array {
  const parts = entries.flatMap(({ text = "", ...header }) => [
    encodeHeader({ mode: 0o755, uid: 0, gid: 0, ...header, size: text.length }),
    Buffer.from(text),
    Buffer.alloc(paddingAfter(text.length)),
  ]);
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const ownSeeds: readonly Uint8Array[] = [
  tarOf([
    { name: "/layers", type: "dir" },
    { name: "/layers/a", type: "dir" },
    { name: "/layers/a/file", type: "file", text: "hello" },
    { name: "/layers/a/link", type: "symlink", linkname: "../../../../tmp" },
    { name: "/layers/a/link/under", type: "file", text: "x" },
    { name: "/layers/a/hard", type: "hardlink", linkname: "/layers/a/file" },
  ]),
  tarOf([
    { name: "a/é", type: "file", text: "x".repeat(600) },
    { name: "a/.wh..wh..opq", type: "file" },
    { name: "a/.wh.gone", type: "file" },
    { name: "dev", type: "char", devMajor: 1, devMinor: 3 },
    { name: "p", type: "fifo" },
    { name: `${"d/".repeat(60)}x`, type: "file", text: "deep" },
  ]),
];

const words = [
  "../", "../../x", "/etc/passwd", "ustar\u000000", "ustar  \0", "11 path=a\n", "20 path=../../x\n", "30 linkpath=../../../../tmp\n",
  "13 size=9999\n", "12 uid=-1\n", "9 mtime=\n", ".wh.", ".wh..wh..opq", "\u0080\0\0\0\0\0\0\0", "0000777\0", "77777777777\0",
]; // prettier-ignore

/** Most mutated headers would only fail because of their checksum. */
function mendChecksums(input: Uint8Array, random: Random): Uint8Array {
  if (random.once(8)) return input;
  const tar = Buffer.from(input);
  for (let at = 0; at + block <= tar.length; at += block) {
    if (tar.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    if (random.once(4)) tar.write(random.pick(["0", "1", "2", "3", "5", "6", "L", "K", "x", "g"]), at + 156, "latin1");
    tar.fill(0x20, at + 148, at + 156);
    let sum = 0;
    for (const byte of tar.subarray(at, at + block)) sum += byte;
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
  return tar;
}

const material = (): Pick<FuzzTarget, "seeds" | "words" | "mend"> => ({
  seeds: [...ownSeeds, ...goldenFiles(/\.tar\.gz$/, 40)],
  words,
  mend: mendChecksums,
});

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4000) yield bytes.subarray(at, at + 4000);
}

/** Reading a tar: never more content than the input has. */
export function tarTarget(): FuzzTarget {
  return {
    name: "tar",
    ...material(),
    open: () => ({
      parse: async (input) => {
        let length = 0;
        for await (const { content } of readTar(streamOf(input))) {
          for await (const part of content()) length += part.length;
        }
        if (length > input.length) throw new Error(`${length} bytes of content in ${input.length} bytes`);
      },
    }),
  };
}

/** Names that the file system itself refuses are no defect: whoever unpacks says that it failed. */
const refusals = ["ENAMETOOLONG", "EEXIST", "ENOTDIR", "EISDIR", "ENOENT", "ELOOP", "EINVAL", "EPERM", "EACCES"];

/** Unpacking a tar in both ways: nothing outside of its directory is made, changed or removed. */
export function extractTarget(): FuzzTarget {
  return {
    name: "tar-extraction",
    ...material(),
    open: () => {
      const folder = mkdtempSync(join(tmpdir(), "tspack-fuzz-"));
      const canary = join(folder, "passwd");
      return {
        parse: async (input) => {
          for (const mode of ["restore", "image"] as const) {
            rmSync(folder, { recursive: true, force: true });
            mkdirSync(join(folder, "in/layers"), { recursive: true });
            writeFileSync(canary, "untouched");
            await extractOrRefuse(input, join(folder, "in"), mode);
            const left = readdirSync(folder).join(" ");
            if (left !== "in passwd" || readFileSync(canary, "utf8") !== "untouched") {
              throw new Error(`${mode} reached outside: ${left}`);
            }
          }
        },
        close: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}

async function extractOrRefuse(input: Uint8Array, to: string, mode: "restore" | "image"): Promise<void> {
  try {
    await extractTar(streamOf(input), to, { mode });
  } catch (error) {
    if (!refusals.includes(errorCode(error) ?? "")) throw error;
  }
}

const digest = digestOf(new Uint8Array());

/** Data that says that it is gzip, read by itself and as the blob of a layer. */
export function gzipTarget(): FuzzTarget {
  const seeds = ["1f8b08000000000000034bcc4f4a060025b0a1c203000000", "1f8b0800000000000003030000000000000000"];
  return {
    name: "gzip",
    seeds: [...seeds.map((seed) => Buffer.from(seed, "hex")), bytesOf("no gzip")],
    words: ["\u001f\u008b\b\0", "\u0001\0\0"],
    open: () => ({
      parse: async (input) => {
        for (const open of [() => gunzip(streamOf(input)), () => inflate(streamOf(input), { digest })]) {
          try {
            let length = 0;
            for await (const chunk of open()) length += chunk.length;
            // Deflate gives at most 1032 times of what went in.
            if (length > 1032 * input.length + 1032) throw new Error(`${length} bytes of ${input.length}`);
          } catch (error) {
            if (!(error instanceof TspackError)) throw error;
          }
        }
      },
    }),
  };
}
