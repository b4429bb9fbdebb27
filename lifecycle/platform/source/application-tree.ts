import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  futimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { errorCode, TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { byteString, nameOf, textOf, type ByteString } from "../../oci/tar/byte-string.ts";
import { ArchiveBounds, type ArchiveLimits } from "./archive-bounds.ts";

/** What an archive says about a file. */
export interface FileFacts {
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

type Kind = "dir" | "file" | "link";

/**
 * A new directory that the entries of an archive are written into. No name leads out of it: not
 * an absolute one, not one with `..`, and not one that goes through a link of the archive. All
 * methods throw `INVALID_APPLICATION`, and `DISK_FULL` when there is no space left.
 */
export class ApplicationTree {
  readonly bounds: ArchiveBounds;
  readonly #root: ByteString;
  readonly #archive: string;
  /** Everything that was made: nobody else writes here, so the disk need not be asked. */
  readonly #made = new Map<ByteString, Kind>();
  readonly #modes = new Map<ByteString, number>();

  /** `root` is an empty directory of our own; `archive` is what messages call it. */
  constructor(root: string, archive: string, limits: ArchiveLimits) {
    this.#root = byteString(root);
    this.#archive = archive;
    this.bounds = new ArchiveBounds(archive, limits);
  }

  /** A directory; it may come after what is in it. */
  directory(name: ByteString, mode: number): void {
    this.bounds.entry();
    const path = this.#inside(name);
    if (path === "") return;
    this.#makeDirectory(path, name);
    // Without these the build could neither read nor remove it.
    this.#modes.set(path, (mode & 0o777) | 0o700);
  }

  /** A file; one of the same name before it is replaced, as by every unpacker. Builds may go by its time. */
  async file(name: ByteString, { mode, mtime }: FileFacts, content: ByteStream): Promise<void> {
    this.bounds.entry();
    const path = this.#place(name, "file");
    const file = this.#attempt(name, () => openSync(this.#onDisk(path), "wx", 0o600));
    try {
      // Special bits make no sense in an application, and without the read bit it could not be copied.
      fchmodSync(file, (mode & 0o777) | 0o400);
      for await (const chunk of content) {
        this.bounds.unpacked(chunk.length);
        this.#attempt(name, () => writeAll(file, chunk));
      }
      if (Number.isFinite(mtime)) futimesSync(file, mtime, mtime);
    } finally {
      closeSync(file);
    }
  }

  /** A symbolic link. It may lead anywhere: nothing is ever written or read through it here. */
  link(name: ByteString, target: ByteString): void {
    this.bounds.entry();
    if (target === "" || target.includes("\0")) throw this.#refused(name, "is a link without a target");
    const path = this.#place(name, "link");
    this.#attempt(name, () => symlinkSync(nameOf(target), this.#onDisk(path)));
  }

  /** A second name of a file that came before; it becomes a file of its own. */
  hardLink(name: ByteString, target: ByteString): void {
    this.bounds.entry();
    const from = this.#inside(target);
    if (this.#made.get(from) !== "file") throw this.#refused(name, "is a hard link to no file of the archive");
    const path = this.#place(name, "file");
    if (path === from) throw this.#refused(name, "is a hard link to itself");
    this.#attempt(name, () => copyFileSync(this.#onDisk(from), this.#onDisk(path)));
  }

  /** An entry that can not be in an application. */
  refuse(name: ByteString, why: string): never {
    throw this.#refused(name, why);
  }

  /** Sets the modes of directories, once all is in them. */
  finish(): void {
    for (const [path, mode] of this.#modes) chmodSync(this.#onDisk(path), mode);
  }

  #place(name: ByteString, kind: Kind): ByteString {
    const path = this.#inside(name);
    if (path === "") throw this.#refused(name, "has no name");
    this.#parents(path, name);
    const before = this.#made.get(path);
    if (before === "dir") throw this.#refused(name, "is a directory and something else");
    if (before !== undefined) unlinkSync(this.#onDisk(path));
    this.#made.set(path, kind);
    return path;
  }

  #parents(path: ByteString, name: ByteString): void {
    const at = path.lastIndexOf("/");
    if (at !== -1) this.#makeDirectory(path.slice(0, at) as ByteString, name);
  }

  #makeDirectory(path: ByteString, name: ByteString): void {
    const kind = this.#made.get(path);
    if (kind === "dir") return;
    if (kind === "link") throw this.#refused(name, `goes through the link ${textOf(path)}`);
    if (kind === "file") throw this.#refused(name, `goes through the file ${textOf(path)}`);
    this.#parents(path, name);
    this.#attempt(name, () => mkdirSync(this.#onDisk(path), 0o700));
    this.#made.set(path, "dir");
    this.#modes.set(path, 0o755);
  }

  /** The name below the root, without `.` and doubled slashes; empty for the root. */
  #inside(name: ByteString): ByteString {
    if (name.startsWith("/")) throw this.#refused(name, "is an absolute path");
    if (name.includes("\0")) throw this.#refused(name, "has a NUL in its name");
    if (name.length > longestName) throw this.#refused(name, `has a name of ${name.length} bytes`);
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..")) throw this.#refused(name, "has .. in its path");
    return parts.join("/") as ByteString;
  }

  #onDisk(path: ByteString): string | Buffer {
    return nameOf(`${this.#root}/${path}` as ByteString);
  }

  #attempt<T>(name: ByteString, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (errorCode(cause) !== "ENOSPC" && errorCode(cause) !== "EDQUOT") {
        throw this.#refused(name, "can not be unpacked", cause);
      }
      throw new TspackError("DISK_FULL", `no space left while unpacking ${this.#archive}`, {
        cause,
        hint: "free disk space, or set TSPACK_HOME to a larger disk",
      });
    }
  }

  #refused(name: ByteString, why: string, cause?: unknown): TspackError {
    const shown = JSON.stringify(textOf(name.slice(0, 200) as ByteString));
    return new TspackError("INVALID_APPLICATION", `the entry ${shown} of ${this.#archive} ${why}`, {
      cause,
      hint: "make the archive of the application's directory: files, directories and links with relative names",
    });
  }
}

/** As many bytes as Linux takes for a path. */
const longestName = 4096;

function writeAll(file: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
}
