import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { clockLag, hasTrustedTimes } from "../layers/trusted-times.ts";
import { readRecords, writeRecords } from "../layers/records-file.ts";
import type { DiffId } from "../oci/digest.ts";

/** Which file it is and when it was changed last: what stays the same need not be hashed again. */
export interface FileState {
  /** Device, inode and size. */
  readonly file: string;
  readonly modified: bigint;
  /** No program can set it, as opposed to the time of modification. */
  readonly changed: bigint;
}

/** The tars of a cache whose content was hashed, by this process or an earlier one. */
export interface VerifiedTars {
  /** Whether the file is as it was when it was hashed. */
  has(id: DiffId, state: FileState): boolean;
  /** The file was hashed and is this layer; `state` is from before that. */
  add(id: DiffId, state: FileState): void;
  /** Leaves what is known of these tars for the next process. */
  save(tars: ReadonlyMap<DiffId, string>): Promise<void>;
}

const fileName = "tspack-tars.v1.json";

/**
 * What is known of the tars of a cache in `directory`. It outlives the process on file systems
 * whose times tell that a file was not touched; elsewhere every process hashes each tar.
 */
export function openVerifiedTars(directory: string, now: () => number): VerifiedTars {
  const path = join(directory, fileName);
  const trusted = hasTrustedTimes(directory);
  const before = trusted ? readRecords(path, now()) : new Map<string, string>();
  const own = new Map<DiffId, FileState>();
  return {
    has: (id, state) => {
      const known = own.get(id);
      if (known !== undefined) return textOf(known) === textOf(state);
      return before.get(id) === textOf(state) && isPast(state.changed, now());
    },
    add: (id, state) => void own.set(id, state),
    save: async (tars) => {
      if (!trusted) return;
      // Tars that were written in this very tick of the clock leave no record.
      if ([...own.values()].some(({ modified }) => !isPast(modified, now()))) await setTimeout(clockLag + 1);
      const after = new Map<string, string>();
      for (const [id, file] of tars) {
        const state = await stateOf(file);
        const known = own.get(id);
        // It may have been moved since, which sets the time of its change; a write sets both.
        const isSame = state?.file === known?.file && state?.modified === known?.modified;
        if (state === undefined) continue;
        if (before.get(id) === textOf(state) || (known !== undefined && isSame && isPast(state.modified, now())))
          after.set(id, textOf(state));
      }
      writeRecords(path, after, now());
    },
  };
}

/** What tells whether a file was changed; undefined when it is not there. */
export async function stateOf(path: string): Promise<FileState | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  return { file: `${found.dev} ${found.ino} ${found.size}`, modified: found.mtimeNs, changed: found.ctimeNs };
}

function textOf({ file, modified, changed }: FileState): string {
  return `${file} ${modified} ${changed}`;
}

/** Long enough ago that another write cannot have the same time. */
function isPast(time: bigint, now: number): boolean {
  return time < BigInt(Math.floor(now - clockLag)) * 1_000_000n;
}
