import { lstatSync, mkdirSync, realpathSync, statSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { errorCode, TspackError } from "../errors.ts";
import { byteString, nameOf, textOf, type ByteString } from "../oci/tar/byte-string.ts";
import { below } from "./disk-entry.ts";
import type { Place } from "./place.ts";

/**
 * Turns names of a tar into paths below one directory, and never into any other path: `..` must
 * not lead out of it, and neither must a symbolic link on the way, be it from the tar or not.
 */
export class ExtractRoot {
  readonly #place: { readonly path: ByteString; readonly name: ByteString };
  readonly #real: ByteString;
  /** Directories that were looked at and are not behind a link that leads outside. */
  readonly #known = new Set<string>();

  /** A text takes every name as relative to it; a place takes names below its own. */
  constructor(destination: string | Place) {
    const place = typeof destination === "string" ? { path: destination, name: "/" } : destination;
    this.#place = { path: byteString(posix.resolve(place.path)), name: byteString(posix.normalize(place.name)) };
    this.#real = realPath(place.path);
  }

  /**
   * Where an entry goes. Undefined for a directory above the place, which layers list, too.
   * Throws `INVALID_TAR` for a name that leads outside.
   */
  resolve(name: ByteString): ByteString | undefined {
    if (name.includes("\0")) throw outside(name);
    if (name.length > longestName) throw tooLong(name);
    const root = this.#place.name;
    if (root === "/") return this.#inside(name, posix.join(this.#place.path, name));
    const absolute = trimSlash(posix.join("/", name));
    if (absolute === root) return this.#place.path;
    if (absolute === "/" || root.startsWith(`${absolute}/`)) return undefined;
    if (!absolute.startsWith(`${root}/`)) throw outside(name);
    return below(this.#place.path, absolute.slice(root.length + 1) as ByteString);
  }

  /** The directory itself. */
  get path(): ByteString {
    return this.#place.path;
  }

  /** Makes sure that the directory of a path exists and is inside. */
  prepareParent(path: ByteString): void {
    if (path === this.#place.path) return;
    this.#prepare(posix.dirname(path) as ByteString);
  }

  /** Forgets what is known, because a link was made or a directory replaced. */
  forget(): void {
    this.#known.clear();
  }

  /** Whether a path, links followed, is the root or below it. */
  contains(path: ByteString): boolean {
    const real = realPath(nameOf(path));
    return real === this.#real || this.#real === "/" || real.startsWith(`${this.#real}/`);
  }

  #inside(name: ByteString, joined: string): ByteString {
    const path = trimSlash(joined) as ByteString;
    const root = this.#place.path;
    if (path === root || root === "/" || path.startsWith(`${root}/`)) return path;
    throw outside(name);
  }

  #prepare(directory: ByteString): void {
    if (directory === this.#place.path || this.#known.has(directory)) return;
    this.#prepare(posix.dirname(directory) as ByteString);
    const stats = lstatIfThere(directory);
    if (stats === undefined) mkdirSync(nameOf(directory));
    else if (stats.isSymbolicLink()) this.#checkLink(directory);
    else if (!stats.isDirectory()) throw notDirectory(directory);
    this.#known.add(directory);
  }

  #checkLink(path: ByteString): void {
    if (statIfThere(path)?.isDirectory() !== true) throw notDirectory(path);
    if (!this.contains(path)) throw outside(path);
  }
}

/**
 * The kernel's view of a path. Not Node's own `realpathSync`, which shortens `link/..` before it
 * looks where the link leads, and so takes a way out of the root for one that stays in it.
 */
function realPath(path: string | Buffer): ByteString {
  return byteString(realpathSync.native(path, { encoding: "buffer" }));
}

/** What is at a path, a link as itself. */
export function lstatIfThere(path: ByteString): Stats | undefined {
  return lstatSync(nameOf(path), { throwIfNoEntry: false });
}

/** What a path leads to. */
export function statIfThere(path: ByteString): Stats | undefined {
  try {
    return statSync(nameOf(path), { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

/** As many bytes as Linux takes for a path. */
const longestName = 4096;

function tooLong(name: ByteString): TspackError {
  return new TspackError(
    "INVALID_TAR",
    `a name in the tar is ${name.length} bytes long: ${textOf(name.slice(0, 100) as ByteString)}…`,
    {
      hint: `no system can make a file with more than ${longestName} bytes in its path`,
    },
  );
}

/** The error of a name that does not stay inside. */
export function outside(name: ByteString): TspackError {
  return new TspackError("INVALID_TAR", `the tar's entry ${JSON.stringify(textOf(name))} leads out of its directory`, {
    hint: "such a tar is made to overwrite other files; do not use the image that it comes from",
  });
}

/** The error of a path that goes through something else than directories. */
export function notDirectory(path: ByteString): TspackError {
  return new TspackError("INVALID_TAR", `the tar needs a directory at ${textOf(path)}, but something else is there`);
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
