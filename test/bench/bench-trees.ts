import { createCipheriv } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { generator } from "./workloads.ts";

const mebi = 1 << 20;

/** A tree in a directory: how many files and bytes it has. */
export interface Tree {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Text that gzip makes as small as it makes a folder of npm packages, a bit more than a quarter:
 * lines of words, most of them from the few that are used all the time.
 */
export function sourceText(size: number, seed: number): Buffer {
  const next = generator(seed);
  const skewed = (below: number): number => Math.floor(below * (next(1 << 16) / (1 << 16)) ** 5);
  const words = Array.from({ length: 6000 }, () =>
    next(0xffffffff)
      .toString(36)
      .slice(0, 2 + next(9)),
  );
  const lines = Array.from({ length: 20_000 }, () => {
    const count = 2 + next(7);
    return `${"  ".repeat(next(5))}${Array.from({ length: count }, () => words[skewed(words.length)]).join(" ")};\n`;
  });
  const text = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) at += text.write(lines[skewed(lines.length)] ?? "\n", at, "latin1");
  return text;
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(size: number, seed: number): Buffer {
  const key = Buffer.alloc(16, seed & 0xff);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** Many small files, 12.6 kB on the average: most have a few kB, some a hundred. With `part`, all are smaller. */
export function manyFiles(directory: string, files: number, seed: number, part = 1): Tree {
  const next = generator(seed);
  const pool = sourceText(8 * mebi, seed + 1);
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    const folder = join(directory, `package-${index % 1100}`, next(3) === 0 ? "lib/internal" : "lib");
    const full = next(16) === 0 ? 20_000 + next(180_000) : 300 + next(12_000);
    const size = Math.ceil(full * part);
    const at = next(pool.length - size);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${index}.js`), pool.subarray(at, at + size));
    bytes += size;
  }
  return { files, bytes };
}

/** One file of which every other 8 MiB do not compress. */
export function largeFile(directory: string, size: number, seed: number): Tree {
  const pieces = [sourceText(8 * mebi, seed), noise(8 * mebi, seed)] as const;
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, "archive.bin"), "w");
  try {
    for (let at = 0; at < size;) {
      const piece = pieces[(at / (8 * mebi)) % 2 === 0 ? 0 : 1];
      at += writeSync(file, piece, 0, Math.min(piece.length, size - at));
    }
  } finally {
    closeSync(file);
  }
  return { files: 1, bytes: size };
}
