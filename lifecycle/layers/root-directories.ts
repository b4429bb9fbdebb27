import { mkdirSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { byteString, nameOf, type ByteString } from "../oci/tar/byte-string.ts";
import { below } from "./disk-entry.ts";
import { lstatIfThere, notDirectory, outside } from "./extract-root.ts";

/** As many links as Linux follows in one path. */
const linkLimit = 40;

/**
 * Directories of an image's root file system, found as the kernel would after a chroot: an
 * absolute link (`/var/run -> /run`) starts at this root and `..` stops there. So links of the
 * image work, and none leads to a file of this machine.
 */
export class RootDirectories {
  readonly #root: ByteString;
  readonly #found = new Map<ByteString, ByteString>();

  constructor(root: ByteString) {
    this.#root = root;
  }

  /** The path with its directory's links followed. Missing directories are made. Throws `INVALID_TAR`. */
  locate(path: ByteString): ByteString {
    if (path === this.#root) return path;
    return below(this.#directory(posix.dirname(path) as ByteString, 0), byteString(posix.basename(path)));
  }

  /** Forgets what was found, because a link was made or a directory removed. */
  forget(): void {
    this.#found.clear();
  }

  #directory(directory: ByteString, links: number): ByteString {
    if (directory === this.#root) return directory;
    const known = this.#found.get(directory);
    if (known !== undefined) return known;
    if (links > linkLimit) throw outside(directory);
    const parent = this.#directory(posix.dirname(directory) as ByteString, links);
    const found = this.#follow(parent, below(parent, posix.basename(directory) as ByteString), links);
    this.#found.set(directory, found);
    return found;
  }

  #follow(parent: ByteString, path: ByteString, links: number): ByteString {
    const stats = lstatIfThere(path);
    if (stats === undefined) mkdirSync(nameOf(path), 0o755);
    else if (stats.isSymbolicLink()) {
      const target = byteString(readlinkSync(nameOf(path), { encoding: "buffer" }));
      const virtual = posix.resolve("/", parent.slice(this.#root === "/" ? 0 : this.#root.length), target);
      return this.#directory(posix.join(this.#root, virtual === "/" ? "" : virtual) as ByteString, links + 1);
    } else if (!stats.isDirectory()) throw notDirectory(path);
    return path;
  }
}
