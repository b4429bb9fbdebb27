import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readFileSync, type Stats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { byteString, type ByteString, nameOf } from "../oci/tar/byte-string.ts";
import { type DiskEntry, diskEntry, linkTarget, statsOf } from "./disk-entry.ts";
import { walk } from "./pack-directory.ts";
import { unreadable } from "./tar-writer.ts";
import { clockLag, hasTrustedTimes } from "./trusted-times.ts";

/** What tells whether a tree was touched, without reading a byte of its files. */
export interface TreeFingerprint {
  /** Equal for equal trees only: any change of content, mode, owner, name or link changes it. */
  readonly digest: string;
  /**
   * Names, types, modes, sizes and links, and what small files have: all of it is in the tar, so
   * where this is another one the layer certainly is, too. Equal for a tree that was made again.
   */
  readonly shape: string;
  /** The latest change of any entry, in milliseconds since 1970 by the file system's clock. */
  readonly changed: number;
  /** Whether every entry was old enough when it was looked at that a later change cannot have the same time. */
  readonly settled: boolean;
}

/** Entries between two breaths of the event loop, and two looks at the signal: some milliseconds. */
const breath = 1024;

/** How a tree is looked at. */
export interface FingerprintOptions {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970; the machine's when absent. */
  readonly now?: () => number;
}

/**
 * The fingerprint of a directory; undefined where it could be wrong: on a file system whose times
 * do not tell (`hasTrustedTimes`), across file systems, with a hard link, whose content may be
 * another directory's, and with sockets, pipes and devices. Throws `EXPORT_FAILED`, and the signal's reason.
 */
export async function fingerprintTree(
  path: string,
  { signal, now = Date.now }: FingerprintOptions,
): Promise<TreeFingerprint | undefined> {
  const fingerprint = new Fingerprinting(path, now);
  let count = 0;
  for (const entry of walk(diskEntry(byteString(path), byteString(path)))) {
    fingerprint.add(entry);
    if (!fingerprint.isSound) return undefined;
    count++;
    if (count % breath === 0) await setImmediate();
    signal.throwIfAborted();
  }
  return fingerprint.end();
}

/**
 * What buildpacks write in every build, mostly as it was: variables and small programs. These count
 * by their content, so that the rest of a layer need not be read because of them. Buildpack
 * specification, "Provided by the Buildpacks" and "exec.d".
 */
const rewritten = /^\/(?:env|env\.build|env\.launch|exec\.d|profile\.d)\//;

/** Bytes up to which such a file is read. */
const smallFile = 64 * 1024;

/** How many entries are hashed at a time, and how many numbers each has: of its shape, and of which file it is. */
const hashedAtOnce = 1024;
const shapeNumbers = 2;
const fileNumbers = 5;

/**
 * A fingerprint that is made entry by entry, in the order of a walk. Every write to a file sets
 * its change time, which no program can set back. Directories have none of their own, as what is
 * in them is listed anyway.
 */
export class Fingerprinting {
  readonly #shapes = createHash("sha256");
  readonly #files = createHash("sha256");
  readonly #now: () => number;
  /** Of the entries that are not hashed yet: how many they are, then the numbers of each, then their texts, each ended by NUL. */
  readonly #shapeNumbers = new Float64Array(1 + hashedAtOnce * shapeNumbers);
  readonly #fileNumbers = new Float64Array(hashedAtOnce * fileNumbers);
  #count = 0;
  #text = "";
  #top: Stats | undefined;
  #topName = 0;
  #changed = 0;
  #settled = true;
  readonly #read: { readonly path: ByteString; readonly identity: string }[] = [];
  #sound: boolean;

  constructor(path: string, now: () => number) {
    this.#now = now;
    this.#sound = hasTrustedTimes(path);
  }

  /** False: there will be no fingerprint, so no further entry matters. */
  get isSound(): boolean {
    return this.#sound;
  }

  add(entry: DiskEntry): void {
    if (!this.#sound) return;
    const { stats } = entry;
    const isTop = this.#top === undefined;
    if (isTop) this.#topName = entry.name.length;
    const top = (this.#top ??= stats);
    this.#sound = isPlain(stats) && stats.dev === top.dev && (!isTop || stats.isDirectory());
    if (!this.#sound) return;
    const name = entry.name.slice(this.#topName);
    const link = stats.isSymbolicLink() ? byteString(linkTarget(entry.path)) : "";
    const content = this.#content(name, entry);
    this.#text += `${name}\0${content ?? ""}\0${link}\0`;
    this.#note(stats, content === undefined);
    if (!isTop) this.#age(stats.ctimeMs);
    if (this.#count === hashedAtOnce) this.#flush();
  }

  /** What is said of a content that was looked at; undefined: which file it is, and its times, stand for it. */
  #content(name: string, { path, stats }: DiskEntry): string | undefined {
    if (stats.isDirectory() || !rewritten.test(name) || stats.size > smallFile) return undefined;
    if (stats.isSymbolicLink()) return "link";
    this.#read.push({ path, identity: identityOf(stats) });
    return readHash(path);
  }

  #note(stats: Stats, byIdentity: boolean): void {
    // Directories have neither: what is in them is listed anyway.
    const isDirectory = stats.isDirectory();
    const hasIdentity = byIdentity && !isDirectory;
    const shape = 1 + this.#count * shapeNumbers;
    this.#shapeNumbers[shape] = stats.mode;
    this.#shapeNumbers[shape + 1] = isDirectory ? 0 : stats.size;
    const file = this.#count * fileNumbers;
    this.#fileNumbers[file] = stats.uid;
    this.#fileNumbers[file + 1] = stats.gid;
    this.#fileNumbers[file + 2] = hasIdentity ? stats.ino : 0;
    this.#fileNumbers[file + 3] = hasIdentity ? stats.mtimeMs : 0;
    this.#fileNumbers[file + 4] = hasIdentity ? stats.ctimeMs : 0;
    this.#count++;
  }

  end(): TreeFingerprint | undefined {
    if (!this.#sound || this.#top === undefined) return undefined;
    // What was read for the fingerprint is read for the tar, too, and has to be the same there.
    if (!this.#read.every(({ path, identity }) => identityOf(statsOf(path, false)) === identity)) return undefined;
    this.#flush();
    const shape = this.#shapes.copy().digest("hex");
    const digest = this.#files.copy().update(shape).digest("hex");
    return { digest, shape, changed: this.#changed, settled: this.#settled };
  }

  #age(changed: number): void {
    if (changed > this.#changed) this.#changed = changed;
    // Also a time of the future: some clock is wrong, and the same time will come again.
    if (changed >= this.#now() - clockLag) this.#settled = false;
  }

  #flush(): void {
    this.#shapeNumbers[0] = this.#count;
    this.#shapes.update(this.#shapeNumbers.subarray(0, 1 + this.#count * shapeNumbers));
    this.#shapes.update(this.#text, "latin1");
    this.#files.update(this.#fileNumbers.subarray(0, this.#count * fileNumbers));
    this.#count = 0;
    this.#text = "";
  }
}

/** Another content means another one of these, as long as the entry is old enough. */
function identityOf({ ino, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${mtimeMs} ${ctimeMs}`;
}

/** Throws `EXPORT_FAILED`. */
function readHash(path: ByteString): string {
  try {
    // Not through a link, and without waiting: something else may be there by now.
    const file = openSync(nameOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return createHash("sha256").update(readFileSync(file)).digest("hex");
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Inodes that a double does not hold exactly would be rounded. */
function isPlain(stats: Stats): boolean {
  if (!Number.isSafeInteger(stats.ino)) return false;
  return stats.isDirectory() || stats.isSymbolicLink() || (stats.isFile() && stats.nlink === 1);
}
