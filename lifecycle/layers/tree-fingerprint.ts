import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readFileSync, type Stats } from "node:fs";
import { byteString, type ByteString, nameOf } from "../oci/tar/byte-string.ts";
import { type DiskEntry, diskEntry, linkTarget, statsOf } from "./disk-entry.ts";
import { walk } from "./pack-directory.ts";
import { unreadable } from "./tar-writer.ts";
import { clockLag, hasTrustedTimes } from "./trusted-times.ts";

/** What tells whether a tree was touched, without reading a byte of its files. */
export interface TreeFingerprint {
  /** Equal for equal trees only: any change of content, mode, owner, name or link changes it. */
  readonly digest: string;
  /** The latest change of any entry, in milliseconds since 1970 by the file system's clock. */
  readonly changed: number;
  /** Whether every entry was old enough when it was looked at that a later change cannot have the same time. */
  readonly settled: boolean;
}

/**
 * The fingerprint of a directory; undefined where it could be wrong: on a file system whose times
 * do not tell (`hasTrustedTimes`), across file systems, with a hard link, whose content may be
 * another directory's, and with sockets, pipes and devices. Throws `EXPORT_FAILED`.
 */
export function fingerprintTree(path: string, now: () => number = Date.now): TreeFingerprint | undefined {
  const fingerprint = new Fingerprinting(path, now);
  for (const entry of walk(diskEntry(byteString(path), byteString(path)))) {
    fingerprint.add(entry);
    if (!fingerprint.isSound) return undefined;
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

/** How much text is hashed at a time. */
const hashedAtOnce = 64 * 1024;

/**
 * A fingerprint that is made entry by entry, in the order of a walk. Every write to a file sets
 * its change time, which no program can set back. Directories have none of their own, as what is
 * in them is listed anyway.
 */
export class Fingerprinting {
  readonly #hash = createHash("sha256");
  readonly #now: () => number;
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
    const { mode, uid, gid, size } = stats;
    const length = stats.isDirectory() ? 0 : size;
    const link = stats.isSymbolicLink() ? byteString(linkTarget(entry.path)) : "";
    this.#text += `${name}\0${mode} ${uid} ${gid} ${length} ${this.#content(name, entry)}\0${link}\0`;
    if (!isTop) this.#age(stats.ctimeMs);
    if (this.#text.length > hashedAtOnce) this.#flush();
  }

  /** What changes when a file's content does. */
  #content(name: string, { path, stats }: DiskEntry): string {
    if (stats.isDirectory()) return "";
    const identity = identityOf(stats);
    if (!rewritten.test(name) || stats.size > smallFile) return identity;
    if (stats.isSymbolicLink()) return "link";
    this.#read.push({ path, identity });
    return readHash(path);
  }

  end(): TreeFingerprint | undefined {
    if (!this.#sound || this.#top === undefined) return undefined;
    // What was read for the fingerprint is read for the tar, too, and has to be the same there.
    if (!this.#read.every(({ path, identity }) => identityOf(statsOf(path, false)) === identity)) return undefined;
    this.#flush();
    return { digest: this.#hash.copy().digest("hex"), changed: this.#changed, settled: this.#settled };
  }

  #age(changed: number): void {
    if (changed > this.#changed) this.#changed = changed;
    // Also a time of the future: some clock is wrong, and the same time will come again.
    if (changed >= this.#now() - clockLag) this.#settled = false;
  }

  #flush(): void {
    this.#hash.update(this.#text, "latin1");
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
