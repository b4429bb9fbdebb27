import { chmodSync, lchownSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";

/** One entry of a recorded tree, in order of creation. */
export interface TreeEntry {
  readonly path?: string;
  readonly pathBase64?: string;
  readonly type: "dir" | "file" | "symlink" | "hardlink" | "fifo" | "socket";
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly text?: string;
  readonly base64?: string;
  readonly target?: string;
  readonly fill?: { readonly kind: string; readonly byte?: number; readonly size: number };
}

/** Makes a recorded tree below a directory. Owners other than ours need root. */
export async function makeTree(root: string, tree: readonly TreeEntry[]): Promise<void> {
  const modes: (readonly [Buffer, number])[] = [];
  for (const entry of tree) {
    const path = pathOf(root, entry);
    await makeEntry(root, path, entry);
    if (process.getuid?.() === 0) lchownSync(path, entry.uid ?? 0, entry.gid ?? 0);
    if (entry.mode !== undefined) modes.push([path, Number.parseInt(entry.mode, 8)]);
  }
  for (const [path, mode] of modes.toReversed()) chmodSync(path, mode);
}

/** Where an entry of a recorded tree is. */
export function pathOf(root: string, entry: TreeEntry): Buffer {
  const path = entry.pathBase64 === undefined ? Buffer.from(entry.path ?? "") : Buffer.from(entry.pathBase64, "base64");
  return Buffer.concat([Buffer.from(root), path]);
}

async function makeEntry(root: string, path: Buffer, entry: TreeEntry): Promise<void> {
  switch (entry.type) {
    case "dir":
      return void mkdirSync(path, { recursive: true });
    case "file":
      return writeFileSync(path, contentOf(entry));
    case "symlink":
      return symlinkSync(entry.target ?? "", path);
    case "hardlink":
      return linkSync(root + entry.target, path);
    case "fifo":
      return void execFileSync("mkfifo", [path.toString()]);
    case "socket":
      return makeSocket(path.toString());
  }
}

function contentOf(entry: TreeEntry): Buffer {
  if (entry.text !== undefined) return Buffer.from(entry.text);
  if (entry.base64 !== undefined) return Buffer.from(entry.base64, "base64");
  const { fill } = entry;
  if (fill === undefined) return Buffer.alloc(0);
  if (fill.kind === "byte") return Buffer.alloc(fill.size, fill.byte);
  return Buffer.from(Array.from({ length: fill.size }, (_, index) => (7 * index) % 251));
}

/** Node removes a socket's file when its server closes, so the process that made it has to end without that. */
function makeSocket(path: string): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.unref();
      resolve();
    });
  });
}
