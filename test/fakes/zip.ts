import { deflateRawSync } from "node:zlib";

/** An entry of a zip file, with whatever an attacker would write into it. */
export interface ZipEntryInput {
  readonly name: string;
  /** Unix mode with its type bits; undefined: a zip of a system without modes. */
  readonly mode?: number;
  readonly content?: Uint8Array | string;
  readonly deflate?: boolean;
  /** Instead of the right one. */
  readonly crc?: number;
  /** General purpose flags besides UTF-8. */
  readonly flags?: number;
}

/** A zip file of entries, nothing checked. APPNOTE 4.3. */
export function makeZip(entries: readonly ZipEntryInput[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const plain = Buffer.from(entry.content ?? "");
    const data = entry.deflate === true ? deflateRawSync(plain) : plain;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x0800 | (entry.flags ?? 0), 2);
    fields.writeUInt16LE(entry.deflate === true ? 8 : 0, 4);
    fields.writeUInt32LE(entry.crc ?? crc32(plain), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(plain.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), fields, name, data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(entry.mode === undefined ? 0 : (entry.mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([30, entry.mode === undefined ? 0 : 3]);
    central.push(Buffer.concat([Buffer.from([0x50, 0x4b, 1, 2]), madeBy, fields, rest, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
