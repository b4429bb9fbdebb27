/** How much is in flight at a time: each piece takes memory. */
export interface WorkLimits {
  /** Layers that are packed at a time. */
  readonly layers: number;
  /** Blocks of all layers that are compressed at a time. */
  readonly blocks: number;
  /** Blobs that are sent to a registry at a time. */
  readonly uploads: number;
}

/** Megabytes of a process that exports an image, where nobody says otherwise. */
export const DEFAULT_MEMORY = 160;

/** What a process needs for one layer at a time. */
export const LEAST_MEMORY = 100;

/** Megabytes of the program itself, before it packs or sends anything. */
const program = 96;

/** More does not help: nobody compresses more blocks at a time, and registries slow down. */
const most = 16;

/** Whether a number, or its absence, is memory that work can be done in. */
export function isMemory(megabytes: number | undefined): boolean {
  return megabytes === undefined || (Number.isSafeInteger(megabytes) && megabytes >= LEAST_MEMORY);
}

/** What fits into so many megabytes. A layer that is packed takes about 20 of them, an upload less. */
export function workLimits(megabytes: number = DEFAULT_MEMORY): WorkLimits {
  const share = (each: number): number => Math.min(most, Math.max(1, Math.floor((megabytes - program) / each)));
  const layers = share(20);
  return { layers, blocks: 4 * layers, uploads: share(16) };
}
