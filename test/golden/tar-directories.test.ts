import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { packAppSlices } from "../../lifecycle/layers/pack-app-slices.ts";
import { packDirectory } from "../../lifecycle/layers/pack-directory.ts";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import { packTar } from "../../lifecycle/layers/pack-tar.ts";
import { packProcessTypes } from "../../lifecycle/phases/export/launcher-layers.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { casesIn, golden, readCase, readTarFile } from "./tar-data.ts";
import { makeTree, type TreeEntry } from "./tar-tree.ts";

interface DirCase {
  readonly kind: "dir-layer" | "slices-layer";
  readonly dir: string;
  readonly uid: number;
  readonly gid: number;
  readonly tree?: readonly TreeEntry[];
  readonly slices?: readonly (readonly string[])[];
  readonly see?: string;
  readonly createdBy: string;
  readonly sha256: string;
  readonly exitCode?: number;
}

let root = "";
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "tspack-tree-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
const blobs = memoryBlobCache(1);
const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(0),
  signal: new AbortController().signal,
};

/** Owners and modes of the directories above the packed one: what only root can make on disk. */
function parentsOf({
  dir,
  tree = [],
}: DirCase): readonly { readonly uid: number; readonly gid: number; readonly mode: number }[] {
  const above = tree.filter(({ path = "/" }) => dir.startsWith(`${path}/`));
  return above.map(({ uid = 0, gid = 0, mode = "" }) => ({ uid, gid, mode: Number.parseInt(mode, 8) }));
}

/** `golden`, or a skip with a name for parents that only root can make. */
function goldenFor(name: string): typeof golden {
  if (isRoot || name.startsWith("(")) return golden;
  return new Set(parentsOf(readCase(name) as DirCase).map((parent) => JSON.stringify(parent))).size > 1
    ? it.skip
    : golden;
}

async function pack(recorded: DirCase): Promise<readonly { readonly layer: Layer; readonly createdBy: string }[]> {
  await makeTree(root, recorded.tree ?? []);
  const parents = isRoot ? undefined : parentsOf(recorded)[0];
  const place = { path: root + recorded.dir, name: recorded.dir, ...(parents === undefined ? {} : { parents }) };
  const options = { owner: { uid: recorded.uid, gid: recorded.gid } };
  if (recorded.kind === "dir-layer")
    return [{ layer: await packDirectory(place, options, blobs), createdBy: "golden" }];
  return packAppSlices(
    place,
    (recorded.slices ?? []).map((paths) => ({ paths })),
    options,
    blobs,
  );
}

async function expectTar(layer: Layer, name: string, sha256: string): Promise<void> {
  if (layer.diffId === `sha256:${sha256}`) return;
  const parts: Uint8Array[] = [];
  for await (const part of layer.uncompressed()) parts.push(part);
  const tar = Buffer.concat(parts);
  const expected = readTarFile(name);
  const at = tar.findIndex((byte, index) => byte !== expected[index]) & ~511;
  expect(tar.subarray(at, at + 512).toString("latin1")).toBe(expected.subarray(at, at + 512).toString("latin1"));
  expect(layer.diffId).toBe(`sha256:${sha256}`);
}

describe("layers of directories are the reference's bytes", () => {
  for (const name of casesIn("dirs")) {
    goldenFor(name)(name, async () => {
      const recorded = readCase(name) as DirCase;
      if (recorded.exitCode === 1) {
        await expect(pack(recorded)).rejects.toMatchObject({ code: "EXPORT_FAILED" });
        return;
      }
      const whole =
        recorded.see === undefined ? recorded : (readCase(`dirs/${recorded.see.replace(".json", "")}`) as DirCase);
      const layers = await pack(whole);
      const found = layers.find(({ createdBy }) => createdBy === recorded.createdBy);
      if (found === undefined) throw new Error(`no layer ${recorded.createdBy}`);
      await expectTar(found.layer, name, recorded.sha256);
    });
  }
});

describe("layers of other tars are the reference's bytes", () => {
  for (const name of casesIn("from-tar")) {
    golden(name, async () => {
      const { inputTarGzBase64, sha256 } = readCase(name) as {
        readonly inputTarGzBase64: string;
        readonly sha256: string;
      };
      let tar = gunzipSync(Buffer.from(inputTarGzBase64, "base64"));
      // The tar of pax-gzip was itself compressed; unpacking that is the reader's part.
      if (tar[0] === 0x1f) tar = gunzipSync(tar);
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < tar.length; at += 700) yield tar.subarray(at, at + 700);
      }
      await expectTar(await packTar(source(), blobs), name, sha256);
    });
  }
});

const dir = (name: string) => ({ name, type: "dir", mode: 0o755, uid: 0, gid: 0 }) as const;

describe("layers of single entries are the reference's bytes", () => {
  golden("launcher", async () => {
    const { tree, sha256 } = readCase("launcher") as { readonly tree: readonly TreeEntry[]; readonly sha256: string };
    await makeTree(root, tree);
    const launcher = {
      ...dir("/cnb/lifecycle/launcher"),
      type: "file",
      path: join(root, "workspace/launcher"),
    } as const;
    await expectTar(await packEntries([dir("/cnb"), dir("/cnb/lifecycle"), launcher], blobs), "launcher", sha256);
  });

  for (const name of ["process-types", "process-types-one"]) {
    golden(name, async () => {
      const { types, sha256 } = readCase(name) as { readonly types: readonly string[]; readonly sha256: string };
      const links = types.map(
        (type) => ({ ...dir(`/cnb/process/${type}`), type: "symlink", linkname: "/cnb/lifecycle/launcher" }) as const,
      );
      await expectTar(await packEntries([dir("/cnb"), dir("/cnb/process"), ...links], blobs), name, sha256);
    });
  }

  golden("process-types-errors", async () => {
    const process = { command: ["run"], args: [], direct: true, default: false, workingDirectory: "", execEnv: [] };
    const { cases } = readCase("process-types-errors") as {
      readonly cases: readonly { readonly type: string; readonly error: string }[];
    };
    for (const { type, error } of cases) {
      const packing = async (): Promise<Layer> =>
        packProcessTypes([{ ...process, type, buildpackId: "a/b" }], { blobs, ctx });
      await expect(packing(), type).rejects.toMatchObject({
        code: "EXPORT_FAILED",
        message: `creating layer '': ${error}`,
      });
    }
  });
});
