import { posix } from "node:path";
import { TspackError } from "../errors.ts";
import { elfNeeds, type LifecycleArch } from "./elf.ts";

/** A file of the C library or of a library beside it, under the name that the loader looks for. */
export interface LibraryFile {
  /** `libc.so.6`. */
  readonly name: string;
  /** Its bytes, or else where they are. */
  readonly content?: Uint8Array;
  readonly path?: string;
}

/** An entry of an unpacked distribution package, paths relative to the root. */
export interface PackageEntry {
  readonly path: string;
  readonly type: string;
  readonly linkname?: string;
  readonly content?: Uint8Array;
}

/** The Debian packages whose files a Node binary needs beside it. */
export const libraryPackages: readonly string[] = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1"];

/** Debian's folders of shared libraries, without those for other processors' features and plugins. */
const folder = /^(usr\/)?lib(64)?(\/[a-z0-9_]+-linux-gnu)?$/;

/** The shared libraries in unpacked packages; links have the content of what they lead to. */
export function librariesIn(entries: Iterable<PackageEntry>): readonly LibraryFile[] {
  const contents = new Map<string, Uint8Array>();
  const links = new Map<string, string>();
  for (const entry of entries) {
    const name = posix.basename(entry.path);
    if (!folder.test(posix.dirname(entry.path)) || !/\.so(\.|$)/.test(name)) continue;
    if (entry.type === "file" && entry.content !== undefined) contents.set(name, entry.content);
    // A link from one folder to another has the same name on both sides: the file stands for both.
    else if (entry.type === "symlink") links.set(name, posix.basename(entry.linkname ?? ""));
  }
  const found = new Map(contents);
  for (const [name, target] of links) {
    const content = contents.get(target);
    if (content !== undefined && !contents.has(name)) found.set(name, content);
  }
  return [...found].map(([name, content]) => ({ name, content }));
}

/**
 * Those of the libraries that a program needs, and that they need in turn, sorted by name.
 * Throws `PACKAGE_NOT_FOUND` with all that are missing, `INVALID_ARGUMENTS` for another processor's.
 */
export function librariesFor(
  program: LibraryFile,
  available: readonly LibraryFile[],
  arch: LifecycleArch,
): readonly LibraryFile[] {
  const byName = new Map(available.map((library) => [library.name, library]));
  const chosen = new Map<string, LibraryFile>();
  const missing = new Map<string, string>();
  const queue: LibraryFile[] = [program];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const needs = elfNeeds(file);
    if (needs.arch !== arch) {
      throw new TspackError(
        "INVALID_ARGUMENTS",
        `${file.name} is for ${needs.arch ?? "another processor"}, not for ${arch}`,
      );
    }
    for (const name of needs.libraries) {
      const library = byName.get(name);
      if (library === undefined) missing.set(name, file.name);
      else if (!chosen.has(name)) queue.push(library);
      if (library !== undefined) chosen.set(name, library);
    }
  }
  if (missing.size > 0) throw incomplete(missing);
  return [...chosen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function incomplete(missing: ReadonlyMap<string, string>): TspackError {
  const names = [...missing].map(([name, by]) => `${name} (for ${by})`).join(", ");
  return new TspackError("PACKAGE_NOT_FOUND", `The lifecycle cannot be assembled without ${names}`, {
    hint: `the files come from the Debian packages ${libraryPackages.join(", ")}; the stack's archive must have them`,
  });
}
