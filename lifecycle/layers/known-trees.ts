import { createHash } from "node:crypto";
import { join } from "node:path";
import { TspackError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { parseDiffId, type DiffId } from "../oci/digest.ts";
import { normalized, writeDirectory } from "./pack-directory.ts";
import { describeParents } from "./parents.ts";
import type { Owner, Place } from "./place.ts";
import { readRecords, writeRecords } from "./records-file.ts";
import { Fingerprinting, type FingerprintOptions, fingerprintTree, type TreeFingerprint } from "./tree-fingerprint.ts";
import type { ByteSink } from "../stores/blob-cache.ts";

/**
 * Which directories became which layers in earlier builds, so that one that nobody touched need
 * not be read again. The rules that keep a wrong answer out are in this folder's README.
 */
export interface KnownTrees {
  /** The DiffID that the directory would have, when that is certain and among those that matter. Throws `signal`'s reason. */
  find(place: Place, wanted: (diffId: string) => boolean, signal: AbortSignal): Promise<DiffId | undefined>;
  /**
   * Whether `find` saw that the directory is another layer than the recorded one for certain, not
   * only one that was made again: some name, mode, size or link in it is another.
   */
  isAnother(place: Place): boolean;
  /** Writes the tar of a directory as `writeDirectory` does; call the result with its DiffID when it is known. */
  write(place: Place, sink: ByteSink, signal: AbortSignal): Promise<(diffId: DiffId) => void>;
  /** Leaves what is known of the directories of this build for the next one; of others nothing stays. */
  save(): void;
}

/** How what is known is used. */
export interface KnownTreesOptions {
  /** Whom all files belong to in layers. */
  readonly owner: Owner;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Set: nothing is answered, so that all is read, and this is told of directories whose answer would have been wrong. */
  readonly verify?: ((place: Place, expected: DiffId, found: DiffId) => void) | undefined;
}

/** Says of a directory that its fingerprint told a wrong layer: what `verify` is for. */
export function warnOfWrongTree(logger: Logger): NonNullable<KnownTreesOptions["verify"]> {
  return (place, expected, found) =>
    logger.warn(`${place.name} looks untouched since it was the layer ${expected}, but it is ${found}`);
}

/** The form of the file and of fingerprints: another form is another file. */
const fileName = "tspack-layers.v4.json";

/** What is known of directories, in a file of `directory`, which belongs to the lifecycle: a cache's, mostly. */
export function openKnownTrees(directory: string, { owner, now, verify }: KnownTreesOptions): KnownTrees {
  const path = join(directory, fileName);
  const before = recorded(readRecords(path, now()));
  const after = new Map<string, string>();
  const others = new Set<string>();
  const expected = (place: Place, fingerprint: TreeFingerprint | undefined): DiffId | undefined => {
    const record = before.get(normalized(place).name);
    // One that is not settled has a time that may come again, or comes from a clock that is wrong.
    if (record === undefined || fingerprint?.settled !== true) return undefined;
    return record.digest === recordDigest(place, owner, fingerprint.digest) ? record.diffId : undefined;
  };
  const remember = (place: Place, fingerprint: TreeFingerprint, diffId: DiffId): void =>
    void after.set(
      normalized(place).name,
      [diffId, ...[fingerprint.digest, fingerprint.shape].map((digest) => recordDigest(place, owner, digest))].join(
        " ",
      ),
    );
  return {
    find: async (place, wanted, signal) => {
      const record = before.get(normalized(place).name);
      if (record === undefined || verify !== undefined || !wanted(record.diffId)) return undefined;
      const fingerprint = await fingerprintOf(place, { now, signal });
      const diffId = expected(place, fingerprint);
      if (fingerprint === undefined) return undefined;
      if (diffId !== undefined) remember(place, fingerprint, diffId);
      else if (record.shape !== recordDigest(place, owner, fingerprint.shape)) others.add(normalized(place).name);
      return diffId;
    },
    isAnother: (place) => others.has(normalized(place).name),
    write: async (place, sink, signal) => {
      const fingerprinting = new Fingerprinting(normalized(place).path, now);
      await writeDirectory(place, { owner, signal }, sink, (entry) => fingerprinting.add(entry));
      const fingerprint = fingerprinting.end();
      return (diffId) => {
        const wrong = verify === undefined ? undefined : expected(place, fingerprint);
        if (wrong !== undefined && wrong !== diffId) verify?.(place, wrong, diffId);
        if (fingerprint?.settled === true) remember(place, fingerprint, diffId);
      };
    },
    save: () => void writeRecords(path, after, now()),
  };
}

/** A directory that is gone, or cannot be read, is not known; who needs it will say why. */
async function fingerprintOf(place: Place, options: FingerprintOptions): Promise<TreeFingerprint | undefined> {
  try {
    return await fingerprintTree(normalized(place).path, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof TspackError)) throw error;
    return undefined;
  }
}

interface Recorded {
  readonly diffId: DiffId;
  readonly digest: string;
  readonly shape: string;
}

function recorded(records: ReadonlyMap<string, string>): ReadonlyMap<string, Recorded> {
  const found = new Map<string, Recorded>();
  for (const [name, text] of records) {
    const [, diffId, digest, shape] = /^(sha256:[0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{64})$/.exec(text) ?? [];
    if (diffId !== undefined && digest !== undefined && shape !== undefined)
      found.set(name, { diffId: parseDiffId(diffId), digest, shape });
  }
  return found;
}

/** A digest of a fingerprint with all else that a layer's bytes depend on. */
function recordDigest(place: Place, owner: Owner, digest: string): string {
  const around = `${describeParents(normalized(place))}\0${owner.uid} ${owner.gid}`;
  return createHash("sha256").update(`${around}\0${digest}`).digest("hex");
}
