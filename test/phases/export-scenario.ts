import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execFileSync } from "node:child_process";

/** One entry of a recorded tree. */
export interface TreeEntry {
  readonly path?: string;
  readonly pathBase64?: string;
  readonly type: "dir" | "file" | "symlink" | "hardlink" | "fifo" | "socket";
  readonly mode?: string;
  readonly text?: string;
  readonly base64?: string;
  readonly fill?: { readonly kind: "byte" | "counter"; readonly byte?: number; readonly size: number };
  readonly target?: string;
}

/** The parts of a recorded scenario that an exporter needs. */
export interface Scenario {
  readonly platformAPI: string;
  readonly runImage: string;
  readonly runImageReference: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Readonly<Record<string, string>>;
  readonly builds: readonly {
    readonly name: string;
    readonly image: string;
    readonly editsBefore?: readonly TreeEntry[];
    readonly succeeded: boolean;
    /** Folder of the run image that the registry has from this build on. */
    readonly newRunImage?: string | null;
    readonly steps: readonly {
      readonly phase: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly stdout?: string;
      readonly warnings?: readonly string[];
    }[];
  }[];
}

/** Reads JSON of the recording. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** Makes the part of a tree below `name` in the directory `root`; owners are the exporter's business. */
export function makeTree(entries: readonly TreeEntry[], name: string, root: string): void {
  const own = entries.filter((entry) => pathOf(entry) === name || pathOf(entry).startsWith(`${name}/`));
  rmSync(join(root, name), { recursive: true, force: true });
  mkdirSync(join(root, name), { recursive: true });
  addEntries(own, root);
}

/** Makes or replaces entries of a tree. */
export function addEntries(entries: readonly TreeEntry[], root: string): void {
  for (const entry of entries) makeEntry(entry, root);
}

/** Reads a recorded tree, which is a list or has one. */
export function readTree(path: string): readonly TreeEntry[] {
  const tree = readJson(path) as readonly TreeEntry[] | { readonly entries: readonly TreeEntry[] };
  // An array has a method of that name.
  return typeof tree.entries === "function" ? (tree as readonly TreeEntry[]) : tree.entries;
}

/** The text of a file of the tree; undefined when there is none. */
export function textOf(entries: readonly TreeEntry[], path: string): string | undefined {
  const entry = entries.find((one) => pathOf(one) === path);
  return entry?.text ?? (entry?.base64 === undefined ? undefined : Buffer.from(entry.base64, "base64").toString());
}

function pathOf(entry: TreeEntry): string {
  return entry.path ?? Buffer.from(entry.pathBase64 ?? "", "base64").toString("latin1");
}

function makeEntry(entry: TreeEntry, root: string): void {
  const path = join(root, pathOf(entry));
  mkdirSync(dirname(path), { recursive: true });
  switch (entry.type) {
    case "dir":
      mkdirSync(path, { recursive: true });
      break;
    case "file":
      writeFileSync(path, contentOf(entry));
      break;
    case "symlink":
      symlinkSync(entry.target ?? "", path);
      return;
    case "fifo":
      execFileSync("mkfifo", [path]);
      break;
    case "hardlink":
      writeFileSync(path, readFileSync(join(root, entry.target ?? "")));
      return;
    case "socket":
      return;
  }
  if (entry.mode !== undefined) chmodSync(path, Number.parseInt(entry.mode, 8));
}

function contentOf({ text, base64, fill }: TreeEntry): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  if (fill === undefined) return Buffer.from(text ?? "");
  if (fill.kind === "byte") return Buffer.alloc(fill.size, fill.byte ?? 0);
  return Buffer.from(Uint8Array.from({ length: fill.size }, (_, index) => (7 * (index % 251)) % 251));
}
