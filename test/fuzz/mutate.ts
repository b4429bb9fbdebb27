import type { Random } from "./random.ts";

/** What changes are made of: valid inputs to begin with, and words that the format gives a meaning to. */
export interface Material {
  readonly seeds: readonly Uint8Array[];
  readonly words: readonly string[];
}

/** Longer inputs only cost time; what depends on size has tests of its own. In bytes. */
const longest = 64 * 1024;

const odd: readonly Uint8Array[] = [
  "\0", "\n", "\r\n", "\uFEFF", "\u2028", "..", "../", "/", "//", ".", " ", '"', "'", "\\", "=", "[", "]", "{", "}",
  ",", ":", "@", "#", "-1", "0", "9007199254740993", "9223372036854775807", "9223372036854775808", "1e999", "-0",
  "99999999999999999999", "null", "true", "__proto__", "constructor", "\u{1F600}", "\\u0000", "\\ud800",
].map((text) => Buffer.from(text)).concat([Buffer.from([0xff]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0x80])]); // prettier-ignore

type Change = (bytes: Uint8Array, random: Random, material: Material) => Uint8Array;

/** One to eight changes of one of the seeds. */
export function mutated(material: Material, random: Random): Uint8Array {
  let bytes = random.pick(material.seeds);
  for (let changes = 1 + random.below(8); changes > 0; changes -= 1) {
    bytes = random.pick(allChanges)(bytes, random, material).subarray(0, longest);
  }
  return bytes;
}

const flipBit: Change = (bytes, random) => {
  const copy = Uint8Array.from(bytes);
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy.subarray(0, bytes.length);
};

const replaceByte: Change = (bytes, random) => {
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
  return copy;
};

const removeRange: Change = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const cutOff: Change = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

/** A few copies of a part are duplicate keys; many of a short one are nesting without end. */
const repeatRange: Change = (bytes, random) => {
  const [from, to] = range(bytes, random);
  const part = bytes.subarray(from, to);
  const times = random.once(8) ? 1 + random.below(5000) : 1 + random.below(3);
  const copies = Math.min(times, Math.floor(longest / Math.max(1, part.length)));
  return Buffer.concat([bytes.subarray(0, to), ...Array.from({ length: copies }, () => part), bytes.subarray(to)]);
};

const insertWord: Change = (bytes, random, { words }) => {
  const word = random.once(2) || words.length === 0 ? random.pick(odd) : Buffer.from(random.pick(words));
  const at = random.below(bytes.length + 1);
  const times = random.once(20) ? 1 + random.below(5000) : 1;
  const inserted = Array.from({ length: Math.min(times, Math.ceil(longest / Math.max(1, word.length))) }, () => word);
  return Buffer.concat([bytes.subarray(0, at), ...inserted, bytes.subarray(at)]);
};

const overwriteWord: Change = (bytes, random, { words }) => {
  const word = random.once(2) || words.length === 0 ? random.pick(odd) : Buffer.from(random.pick(words));
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + word.length)]);
};

const splice: Change = (bytes, random, { seeds }) => {
  const other = random.pick(seeds);
  const [from, to] = range(other, random);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]);
};

/** Whole lines in another order: tables before their parents, headers without content. */
const moveLine: Change = (bytes, random) => {
  const lines = Buffer.from(bytes).toString("latin1").split("\n");
  const [moved] = lines.splice(random.below(lines.length), 1);
  lines.splice(random.below(lines.length + 1), 0, moved ?? "");
  return Buffer.from(lines.join("\n"), "latin1");
};

const allChanges: readonly Change[] = [
  flipBit,
  replaceByte,
  removeRange,
  cutOff,
  repeatRange,
  insertWord,
  insertWord,
  overwriteWord,
  splice,
  moveLine,
];

function range(bytes: Uint8Array, random: Random): readonly [number, number] {
  const from = random.below(bytes.length + 1);
  const length = random.once(2) ? random.below(8) : random.below(bytes.length - from + 1);
  return [from, Math.min(bytes.length, from + length)];
}
