import { closeSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { TspackError } from "../errors.ts";

/** The processors that the distribution is made for, by OCI's names. */
export type LifecycleArch = "amd64" | "arm64";

/** What the dynamic loader would look for. */
export interface ElfNeeds {
  readonly arch: LifecycleArch | undefined;
  /** File names of shared libraries, the loader's own among them. */
  readonly libraries: readonly string[];
}

/** Reads `length` bytes at `offset` of a file; fewer at its end. */
type ReadAt = (offset: number, length: number) => Buffer;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const machines: Readonly<Record<number, LifecycleArch>> = { 62: "amd64", 183: "arm64" };
const segmentTypes = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tags = { end: 0, needed: 1, strings: 5, stringsSize: 10 } as const;

/** The libraries that a program or library of ours asks for. Throws `INVALID_ARGUMENTS` for what is no 64 bit ELF file. */
export function elfNeeds(file: {
  readonly name: string;
  readonly path?: string;
  readonly content?: Uint8Array;
}): ElfNeeds {
  if (file.content !== undefined) {
    const content = Buffer.from(file.content.buffer, file.content.byteOffset, file.content.byteLength);
    return parse((offset, length) => content.subarray(offset, offset + length), file.name);
  }
  const fd = openSync(file.path ?? "", "r");
  try {
    return parse((offset, length) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
    }, file.name);
  } finally {
    closeSync(fd);
  }
}

function parse(read: ReadAt, name: string): ElfNeeds {
  const header = read(0, 64);
  // 2: 64 bits; 1: little endian. Both processors are.
  if (header.length < 64 || header.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") {
    throw new TspackError("INVALID_ARGUMENTS", `${name} is no 64 bit ELF file`);
  }
  const segments = readSegments(read, header);
  const interpreter = segments.find((each) => each.type === segmentTypes.interpreter);
  const loader = interpreter === undefined ? [] : [basename(cString(read(interpreter.offset, interpreter.size), 0))];
  return {
    arch: machines[header.readUInt16LE(18)],
    libraries: [...new Set([...loader, ...readNeeded(read, segments)])],
  };
}

function readSegments(read: ReadAt, header: Buffer): readonly Segment[] {
  const [start, entrySize, count] = [
    Number(header.readBigUInt64LE(32)),
    header.readUInt16LE(54),
    header.readUInt16LE(56),
  ];
  const table = read(start, entrySize * count);
  return Array.from({ length: Math.floor(table.length / entrySize) }, (_, index) => {
    const at = index * entrySize;
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      size: Number(table.readBigUInt64LE(at + 32)),
    };
  });
}

function readNeeded(read: ReadAt, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find((each) => each.type === segmentTypes.dynamic);
  if (dynamic === undefined) return [];
  const table = read(dynamic.offset, dynamic.size);
  const entries: (readonly [tag: number, value: number])[] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = Number(table.readBigInt64LE(at));
    if (tag === tags.end) break;
    entries.push([tag, Number(table.readBigUInt64LE(at + 8))]);
  }
  const valueOf = (tag: number): number => entries.find((each) => each[0] === tag)?.[1] ?? 0;
  const address = valueOf(tags.strings);
  const home = segments.find(
    (each) => each.type === segmentTypes.load && address >= each.address && address < each.address + each.size,
  );
  if (home === undefined) return [];
  const strings = read(address - home.address + home.offset, valueOf(tags.stringsSize));
  return entries.filter(([tag]) => tag === tags.needed).map(([, offset]) => cString(strings, offset));
}

function cString(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, end === -1 ? bytes.length : end);
}
