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

/** What a process needs that packs one layer at a time: its peak was 139 MB with 200 layers of 10 GiB. */
export const LEAST_MEMORY = 140;

/** Megabytes of a process that does nothing at the same time, and one of each. */
const program = 120;

/** More does not help: nobody compresses more blocks at a time, and registries slow down. */
const most = 16;

/** Whether a number, or its absence, is memory that work can be done in. */
export function isMemory(megabytes: number | undefined): boolean {
  return megabytes === undefined || (Number.isSafeInteger(megabytes) && megabytes >= LEAST_MEMORY);
}

/** What fits into so many megabytes. A layer more takes about 13 of them, an upload less. */
export function workLimits(megabytes: number = DEFAULT_MEMORY): WorkLimits {
  const share = (each: number): number => Math.min(most, Math.max(1, Math.floor((megabytes - program) / each)));
  const layers = share(13);
  return { layers, blocks: 4 * layers, uploads: share(10) };
}
