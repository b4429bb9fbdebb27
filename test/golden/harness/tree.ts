import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";

/** One entry of a `golden-tree-1`: see the README of the golden data. */
export interface TreeEntry {
  readonly path?: string;
  readonly pathBase64?: string;
  /** Absent in listings of caches, which name no type for files. */
  readonly type?: "dir" | "file" | "symlink" | "hardlink" | "fifo" | "socket";
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly text?: string;
  readonly base64?: string;
  readonly fill?: { readonly kind: "byte" | "counter"; readonly byte?: number; readonly size: number };
  readonly target?: string;
  readonly targetBase64?: string;
  readonly size?: number;
  readonly sha256?: string;
}

const pathOf = (entry: TreeEntry): Buffer =>
  entry.pathBase64 === undefined ? Buffer.from(entry.path ?? "") : Buffer.from(entry.pathBase64, "base64");

function contentOf(entry: TreeEntry): Buffer {
  if (entry.base64 !== undefined) return Buffer.from(entry.base64, "base64");
  if (entry.fill === undefined) return Buffer.from(entry.text ?? "");
  const { kind, size, byte = 0 } = entry.fill;
  if (kind === "byte") return Buffer.alloc(size, byte);
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index += 1) bytes[index] = (7 * index) % 251;
  return bytes;
}

/** Makes the entries below `/`, as root, in their order. */
export function makeTree(entries: readonly TreeEntry[]): void {
  for (const entry of entries) makeEntry(entry);
}

function makeEntry(entry: TreeEntry): void {
  const path = pathOf(entry);
  switch (entry.type) {
    case undefined:
      throw new Error(`${path.toString()} has no type`);
    case "dir":
      mkdirSync(path, { recursive: true });
      break;
    case "file":
      writeFileSync(path, contentOf(entry));
      break;
    case "symlink":
      symlinkSync(
        entry.targetBase64 === undefined ? (entry.target ?? "") : Buffer.from(entry.targetBase64, "base64"),
        path,
      );
      lchownSync(path, entry.uid ?? 0, entry.gid ?? 0);
      return;
    case "hardlink":
      linkSync(entry.target ?? "", path);
      return;
    case "fifo":
      execFileSync("mkfifo", [path.toString()]);
      break;
    case "socket":
      execFileSync("perl", [
        "-MIO::Socket::UNIX",
        "-e",
        "IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die",
        path.toString(),
      ]);
      break;
  }
  chownSync(path, entry.uid ?? 0, entry.gid ?? 0);
  if (entry.mode !== undefined) chmodSync(path, Number.parseInt(entry.mode, 8));
}

/** What is below a directory, as the golden data lists it; `leaveOut` names files that are compared elsewhere. */
export function readTree(root: string, leaveOut: readonly string[] = []): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  const walk = (path: string): void => {
    const info = lstatSync(path);
    const mode = (info.mode & 0o7777).toString(8).padStart(4, "0");
    const owner = { mode, uid: info.uid, gid: info.gid };
    if (info.isSymbolicLink()) {
      entries.push({ path, type: "symlink", uid: info.uid, gid: info.gid, target: readlinkSync(path) });
    } else if (info.isDirectory()) {
      entries.push({ path, type: "dir", ...owner });
      for (const name of readdirSync(path).sort()) walk(`${path}/${name}`);
    } else if (info.isFile()) {
      entries.push({ path, type: "file", ...owner, text: readFileSync(path).toString("utf8") });
    } else {
      entries.push({ path, type: info.isFIFO() ? "fifo" : "socket", ...owner });
    }
  };
  walk(root);
  return entries.filter((entry) => !leaveOut.includes(entry.path ?? ""));
}

/** tspack's own files beside `committed`, with inodes and times in them: `lifecycle/cache/README.md`. */
const ownFiles = ["tspack-layers.v4.json", "tspack-tars.v1.json"];

/** A volume cache: sizes and hashes, because tars are long. */
export function readCache(root: string): readonly TreeEntry[] {
  const leaveOut = ownFiles.map((name) => `${root}/${name}`);
  return readTree(root, leaveOut).map((entry) => {
    if (entry.type !== "file") return { path: entry.path ?? "", type: "dir" as const, mode: entry.mode ?? "" };
    const bytes = readFileSync(entry.path ?? "");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { path: entry.path ?? "", mode: entry.mode ?? "", size: bytes.length, sha256 };
  });
}
