import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { relative } from "node:path";
import { setImmediate } from "node:timers/promises";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { Context } from "../../context.ts";
import { byteString, nameOf, textOf, type ByteString } from "../../oci/tar/byte-string.ts";
import { closeDirectory, copyFileUnchanged, copyLink, makeDirectory, unreadable } from "./copy-entry.ts";
import { looksSecret } from "./secret-names.ts";

/**
 * Which paths of the application take part: relative, with `/`; a directory's name ends in `/`.
 * `false` leaves out a directory with all that is in it; `"inside"` asks about everything in it,
 * and makes the directory only for what takes part.
 */
export type IncludePath = (path: string) => boolean | "inside";

/** What was copied. */
export interface CopiedApplication {
  readonly files: number;
  readonly bytes: number;
  /** Entries that are neither file, directory nor link, which an image can not hold usefully. */
  readonly skipped: readonly string[];
  /** Files whose names are those of secrets, `.env` and the like: at most a hundred. */
  readonly secretLike: readonly string[];
}

/** A directory of the application, which may have to be made yet. */
interface Frame {
  readonly path: ByteString;
  readonly parent: Frame | undefined;
  made: boolean;
}

/**
 * Copies an application to where buildpacks may write: they never see the original. Modes and
 * times stay, links are copied as links, and data is shared with the original where the file
 * system can (reflink). `withheld` are directories and files of tspack itself, which are left out
 * with a warning when they are in the application.
 * Throws `FILE_NOT_FOUND`, `INVALID_ARGUMENTS`, `DISK_FULL`, `CANCELED`.
 */
export async function copyApplication(
  source: string,
  target: string,
  include: IncludePath,
  ctx: Context,
  withheld: readonly string[] = [],
): Promise<CopiedApplication> {
  const real = requireDirectory(source);
  const copy = new ApplicationCopy({ from: real, to: target, include, ctx, withheld: withheldIn(real, withheld) });
  const copied = await copy.run();
  for (const path of copied.skipped.slice(0, 10)) {
    ctx.logger.warn(`${path} of the application is a socket, a pipe or a device, and is left out`);
  }
  return copied;
}

interface CopySettings {
  readonly from: string;
  readonly to: string;
  readonly include: IncludePath;
  readonly ctx: Context;
  readonly withheld: ReadonlySet<string>;
}

class ApplicationCopy {
  readonly #settings: CopySettings;
  readonly #from: ByteString;
  readonly #to: ByteString;
  readonly #skipped: string[] = [];
  readonly #secretLike: string[] = [];
  #files = 0;
  #bytes = 0;
  #breath = performance.now();

  constructor(settings: CopySettings) {
    this.#settings = settings;
    this.#from = byteString(settings.from);
    this.#to = byteString(settings.to);
  }

  async run(): Promise<CopiedApplication> {
    await this.#directory({ path: "" as ByteString, parent: undefined, made: true });
    return { files: this.#files, bytes: this.#bytes, skipped: this.#skipped, secretLike: this.#secretLike };
  }

  async #directory(frame: Frame): Promise<void> {
    await this.#breathe();
    for (const entry of this.#entries(frame.path)) {
      await this.#breathe();
      const path = (frame.path === "" ? entry.name : `${frame.path}/${entry.name}`) as ByteString;
      const text = textOf(path);
      const wanted = this.#settings.include(entry.isDirectory ? `${text}/` : text);
      if (wanted === false || this.#isWithheld(text)) continue;
      if (entry.isDirectory) await this.#subdirectory({ path, parent: frame, made: false }, wanted);
      else if (wanted === true && entry.kind === "other") this.#skipped.push(text);
      else if (wanted === true) {
        this.#make(frame);
        await this.#entry(path, text, entry.kind === "link");
      }
    }
  }

  async #subdirectory(frame: Frame, wanted: true | "inside"): Promise<void> {
    if (wanted === true) this.#make(frame);
    await this.#directory(frame);
    if (frame.made) closeDirectory(this.#source(frame.path), this.#target(frame.path), textOf(frame.path));
  }

  #make(frame: Frame): void {
    if (frame.made) return;
    if (frame.parent !== undefined) this.#make(frame.parent);
    makeDirectory(this.#target(frame.path), textOf(frame.path));
    frame.made = true;
  }

  async #entry(path: ByteString, text: string, isLink: boolean): Promise<void> {
    const [from, to] = [this.#source(path), this.#target(path)];
    if (isLink) return copyLink(from, to, text);
    this.#bytes += await copyFileUnchanged(from, to, text);
    this.#files += 1;
    if (this.#secretLike.length < 100 && looksSecret(text)) this.#secretLike.push(text);
  }

  #entries(directory: ByteString): readonly Entry[] {
    try {
      return readdirSync(this.#source(directory), { withFileTypes: true, encoding: "buffer" })
        .map((entry) => ({
          name: byteString(entry.name),
          isDirectory: entry.isDirectory(),
          kind: entry.isSymbolicLink() ? "link" : entry.isFile() || entry.isDirectory() ? "file" : "other",
        }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)) as readonly Entry[];
    } catch (error) {
      throw unreadable(directory === "" ? "." : textOf(directory), error);
    }
  }

  #isWithheld(path: string): boolean {
    const { withheld, ctx } = this.#settings;
    if (!withheld.has(path)) return false;
    ctx.logger.warn(`${path} of the application is tspack's own and is left out; keep it elsewhere, or exclude it`);
    return true;
  }

  /** Sync calls are several times faster; other builds of this process and Ctrl-C get their turn all the same. */
  async #breathe(): Promise<void> {
    if (this.#settings.ctx.signal.aborted) throw new TspackError("CANCELED", "canceled");
    if (performance.now() - this.#breath < 10) return;
    await setImmediate();
    this.#breath = performance.now();
  }

  #source(path: ByteString): string | Buffer {
    return nameOf(`${this.#from}/${path}` as ByteString);
  }

  #target(path: ByteString): string | Buffer {
    return nameOf(`${this.#to}/${path}` as ByteString);
  }
}

interface Entry {
  readonly name: ByteString;
  readonly isDirectory: boolean;
  readonly kind: "file" | "link" | "other";
}

function requireDirectory(path: string): string {
  try {
    const real = realpathSync(path);
    if (lstatSync(real).isDirectory()) return real;
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") throw unreadable(path, error);
  }
  const got = lstatSync(path, { throwIfNoEntry: false }) === undefined ? "nothing there" : "something else";
  throw new InputError(
    "FILE_NOT_FOUND",
    `the application's directory ${path} can not be used`,
    [{ source: "--path", path: "", expected: "a directory", got }],
    {
      hint: "give the directory of the application with --path",
    },
  );
}

/** Those that are in the application, relative to it. Throws `INVALID_ARGUMENTS` when the application is one of them. */
function withheldIn(source: string, withheld: readonly string[]): ReadonlySet<string> {
  const inside = withheld.flatMap((path) => {
    const own = relative(source, realPathOf(path));
    if (own !== "") return own === ".." || own.startsWith("../") ? [] : [own];
    throw new InputError(
      "INVALID_ARGUMENTS",
      `${source} is where tspack keeps its own files`,
      [{ source: "--path", path: "", expected: "the directory of an application", got: JSON.stringify(source) }],
      { hint: "give another directory with --path, or set TSPACK_HOME to another one" },
    );
  });
  return new Set(inside);
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
