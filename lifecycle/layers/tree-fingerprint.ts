import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { byteString } from "../oci/tar/byte-string.ts";
import { type DiskEntry, diskEntry, linkTarget } from "./disk-entry.ts";
import { walk } from "./pack-directory.ts";
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

/** How much text is hashed at a time. */
const hashedAtOnce = 64 * 1024;

/**
 * A fingerprint that is made entry by entry, in the order of a walk. Every write to a file sets
 * its change time, which no program can set back. The times of the top directory are left out,
 * because moving the tree changes them; what is in it is listed anyway.
 */
export class Fingerprinting {
  readonly #hash = createHash("sha256");
  readonly #now: () => number;
  #text = "";
  #top: Stats | undefined;
  #topName = 0;
  #changed = 0;
  #settled = true;
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
    const { mode, uid, gid, size, mtimeMs, ctimeMs, ino } = stats;
    const times = isTop ? "" : `${mtimeMs} ${ctimeMs}`;
    const length = stats.isDirectory() ? 0 : size;
    const link = stats.isSymbolicLink() ? byteString(linkTarget(entry.path)) : "";
    this.#text += `${entry.name.slice(this.#topName)}\0${mode} ${uid} ${gid} ${length} ${ino} ${times}\0${link}\0`;
    if (!isTop) this.#age(ctimeMs);
    if (this.#text.length > hashedAtOnce) this.#flush();
  }

  end(): TreeFingerprint | undefined {
    if (!this.#sound || this.#top === undefined) return undefined;
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

/** Inodes that a double does not hold exactly would be rounded. */
function isPlain(stats: Stats): boolean {
  if (!Number.isSafeInteger(stats.ino)) return false;
  return stats.isDirectory() || stats.isSymbolicLink() || (stats.isFile() && stats.nlink === 1);
}
