import { TspackError } from "../../lifecycle/errors.ts";
import { type Material, mutated } from "./mutate.ts";
import { randomOf, type Random } from "./random.ts";

/** A parser that is fed with broken input. */
export interface FuzzTarget extends Material {
  readonly name: string;
  /** Makes a mutated input interesting again, for example by mending checksums. */
  readonly mend?: (input: Uint8Array, random: Random) => Uint8Array;
  /** Why it cannot run on this machine; undefined when it can. */
  readonly missing?: string | undefined;
  /** Made once per run. */
  readonly open: () => Fuzzed | Promise<Fuzzed>;
}

export interface Fuzzed {
  /** Parses. A `TspackError` is the right answer to broken input; whatever else it throws is a defect. */
  readonly parse: (input: Uint8Array) => unknown;
  readonly close?: () => unknown;
}

/** A case that broke the property. */
export interface Finding {
  readonly index: number;
  readonly input: Uint8Array;
  readonly problem: string;
}

/** Longer than any input of the size that we make may take, on a slow and busy machine. In milliseconds. */
const slowest = 5000;

/** The input of a case: the first ones are the seeds as they are. */
export function inputOf(target: FuzzTarget, seed: number, index: number): Uint8Array {
  const plain = target.seeds[index];
  if (plain !== undefined) return plain;
  const random = randomOf(seed, index);
  const input = mutated(target, random);
  return target.mend?.(input, random) ?? input;
}

/** What is wrong with how an input is taken, or undefined. */
export async function problemOf(fuzzed: Fuzzed, input: Uint8Array): Promise<string | undefined> {
  const start = performance.now();
  const before = process.cpuUsage();
  try {
    await fuzzed.parse(input);
  } catch (error) {
    if (!(error instanceof TspackError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
    // A name is quoted as it is, perhaps twice; more would fill a log.
    if (error.message.length > 4096 + 8 * input.length) return `a message of ${error.message.length} characters`;
  }
  const took = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  // On a busy machine anything takes long; then it is not the processor that was needed.
  return took > slowest && (user + system) / 1000 > slowest ? `took ${Math.round(took)} ms` : undefined;
}
