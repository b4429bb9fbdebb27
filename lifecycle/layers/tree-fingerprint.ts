import { createHash } from "node:crypto";
import { lstatSync, readlinkSync, type BigIntStats } from "node:fs";
import { byteString, nameOf, type ByteString } from "../oci/tar/byte-string.ts";
import { below, namesIn } from "./disk-entry.ts";

/** What tells whether a tree was touched, without reading a byte of its files. */
export interface TreeFingerprint {
  /** Equal for equal trees only: any change of content, mode, owner, name or link changes it. */
  readonly digest: string;
  /** The latest change of any entry, in nanoseconds since 1970 by the file system's clock. */
  readonly changed: bigint;
}

/**
 * The fingerprint of a directory; undefined where it could be wrong: a hard link's content may
 * change under another name, and sockets, pipes and devices have none. Every write to a file
 * sets its change time, which no program can set back; the top directory's own is left out,
 * because moving the tree changes it. Throws what the file system throws.
 */
export function fingerprintTree(path: string): TreeFingerprint | undefined {
  const hash = createHash("sha256");
  const state = { changed: 0n, sound: true };
  const visit = (at: ByteString, name: ByteString): void => {
    const stats = lstatSync(nameOf(at), { bigint: true });
    const isTop = name === "";
    if (!isTop && stats.ctimeNs > state.changed) state.changed = stats.ctimeNs;
    if (!isPlain(stats) || (isTop && !stats.isDirectory())) state.sound = false;
    if (!state.sound) return;
    const { mode, uid, gid, size, mtimeNs, ctimeNs, ino } = stats;
    const facts = [mode, uid, gid, stats.isDirectory() ? 0 : size, isTop ? 0 : `${mtimeNs} ${ctimeNs}`, ino];
    const link = stats.isSymbolicLink() ? readlinkSync(nameOf(at), { encoding: "latin1" }) : "";
    hash.update(`${name}\0${facts.join(" ")}\0${link}\0`, "latin1");
    if (!stats.isDirectory()) return;
    for (const child of namesIn(at)) visit(below(at, child), isTop ? child : below(name, child));
  };
  visit(byteString(path), "" as ByteString);
  return state.sound ? { digest: hash.digest("hex"), changed: state.changed } : undefined;
}

function isPlain(stats: BigIntStats): boolean {
  return stats.isDirectory() || stats.isSymbolicLink() || (stats.isFile() && stats.nlink === 1n);
}
