import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { golden, readCase } from "./tar-data.ts";
import { makeTree, type TreeEntry } from "./tar-tree.ts";

interface ExtractCase {
  readonly case: string;
  readonly before: readonly TreeEntry[];
  readonly tarGzBase64: string;
  readonly dest: string;
  readonly exitCode: number;
  readonly after: readonly TreeEntry[];
}

let root = "";
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "tspack-extract-"))));
afterEach(() => removeAll(root));

/** Also what is in directories that were restored read-only. */
function removeAll(path: string): void {
  if (lstatSync(path).isDirectory()) {
    chmodSync(path, 0o700);
    for (const name of readdirSync(path)) removeAll(`${path}/${name}`);
  }
  rmSync(path, { recursive: true });
}

/** The tree as it is recorded, without owners, which are the caller's. */
function listing(path: string): object[] {
  const stats = lstatSync(root + path);
  if (stats.isSymbolicLink()) return [{ path, type: "symlink", target: readlinkSync(root + path) }];
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
  if (stats.isFile()) return [{ path, type: "file", mode, text: readFileSync(root + path, "utf8") }];
  const names = readdirSync(root + path).sort();
  return [{ path, type: "dir", mode }, ...names.flatMap((name) => listing(`${path}/${name}`))];
}

describe("restoring a layer gives the reference's files", () => {
  golden("extract", async () => {
    // Root keeps setuid where everybody else loses it while writing.
    const rootsMode: Readonly<Record<string, string>> = process.getuid?.() === 0 ? { "/out/x/suid": "4755" } : {};
    const { cases } = readCase("extract") as { readonly cases: readonly ExtractCase[] };
    for (const recorded of cases) {
      await makeTree(root, recorded.before);
      const tar = gunzipSync(Buffer.from(recorded.tarGzBase64, "base64"));
      async function* source(): AsyncGenerator<Uint8Array> {
        yield tar;
      }
      const extraction = extractTar(source(), root + recorded.dest, { mode: "restore" });
      if (recorded.exitCode === 0) await extraction;
      else await expect(extraction, recorded.case).rejects.toMatchObject({ code: "INVALID_TAR" });
      const expected = recorded.after.map(({ uid: _uid, gid: _gid, ...entry }) =>
        entry.path !== undefined && entry.path in rootsMode ? { ...entry, mode: rootsMode[entry.path] } : entry,
      );
      expect(listing(recorded.dest), recorded.case).toEqual(expected);
      removeAll(root + recorded.dest);
    }
  });
});
