/** A small ELF file with nothing but what the dynamic loader reads first. */
export function elfFile(parts: {
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly machine?: number;
}): Buffer {
  const { interpreter, needed = [], machine = 62 } = parts;
  const address = 0x400000;
  const count = interpreter === undefined ? 2 : 3;
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join("")}`);
  const tags: (readonly [number, number])[] = [];
  let at = 1;
  for (const name of needed) {
    tags.push([1, at]);
    at += name.length + 1;
  }
  const dynamicAt = 64 + count * 56;
  const stringsAt = dynamicAt + (tags.length + 3) * 16;
  tags.push([5, address + stringsAt], [10, strings.length], [0, 0]);
  const loader = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`);
  const loaderAt = stringsAt + strings.length;

  const file = Buffer.alloc(loaderAt + loader.length);
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(count, 56);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    const start = 64 + index * 56;
    file.writeUInt32LE(type, start);
    file.writeBigUInt64LE(BigInt(offset), start + 8);
    file.writeBigUInt64LE(BigInt(address + offset), start + 16);
    file.writeBigUInt64LE(BigInt(size), start + 32);
  };
  segment(0, 1, 0, file.length);
  segment(1, 2, dynamicAt, tags.length * 16);
  if (interpreter !== undefined) segment(2, 3, loaderAt, loader.length);
  for (const [index, [tag, value]] of tags.entries()) {
    file.writeBigInt64LE(BigInt(tag), dynamicAt + index * 16);
    file.writeBigUInt64LE(BigInt(value), dynamicAt + index * 16 + 8);
  }
  strings.copy(file, stringsAt);
  loader.copy(file, loaderAt);
  return file;
}
