import type { ByteString } from "../oci/tar/byte-string.ts";
import type { Glob } from "./glob.ts";

/** A path below the application; the application itself is the empty path. */
export interface SlicePath {
  readonly path: ByteString;
}

/**
 * Divides the application among n + 1 layers: one for each slice and a last one for what no
 * slice took. Pure. A path belongs to the first slice that matches it, a directory with all
 * below it. Parents are repeated in each slice; a directory of which every child was taken
 * counts as taken. Every result is sorted by the bytes of the whole path. Buildpack
 * specification, launch.toml, slices.
 */
export function divide<T extends SlicePath>(
  entries: readonly T[],
  slices: readonly (readonly Glob[])[],
): readonly (readonly T[])[] {
  const tree = new Tree(entries);
  const layers = slices.map((globs) => tree.take(globs));
  return [...layers, tree.rest()];
}

class Tree<T extends SlicePath> {
  readonly #sorted: readonly T[];
  readonly #children = new Map<string, string[]>();
  readonly #taken = new Set<string>();

  constructor(entries: readonly T[]) {
    this.#sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const { path } of entries) {
      if (path === "") continue;
      const siblings = this.#children.get(parentOf(path));
      if (siblings === undefined) this.#children.set(parentOf(path), [path]);
      else siblings.push(path);
    }
  }

  take(globs: readonly Glob[]): readonly T[] {
    const matched = new Set<string>();
    for (const { path } of this.#sorted) {
      if (path !== "" && globs.some((glob) => glob(path))) this.#takeAll(path, matched);
    }
    const parents = new Set<string>();
    for (const path of matched) {
      for (let parent = path; parent !== "";) {
        parent = parentOf(parent);
        if (matched.has(parent) || parents.has(parent)) continue;
        parents.add(parent);
      }
    }
    this.#settle(parents);
    return this.#sorted.filter(({ path }) => matched.has(path) || parents.has(path));
  }

  rest(): readonly T[] {
    return this.#sorted.filter(({ path }) => !this.#taken.has(path));
  }

  #takeAll(path: string, matched: Set<string>): void {
    if (this.#taken.has(path)) return;
    for (const child of this.#children.get(path) ?? []) this.#takeAll(child, matched);
    matched.add(path);
    this.#taken.add(path);
  }

  /** Deepest first, so that a directory knows of its children. */
  #settle(parents: ReadonlySet<string>): void {
    const deepestFirst = [...parents].sort((a, b) => depth(b) - depth(a));
    for (const parent of deepestFirst) {
      if ((this.#children.get(parent) ?? []).every((child) => this.#taken.has(child))) this.#taken.add(parent);
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

function depth(path: string): number {
  return path === "" ? 0 : path.split("/").length;
}
