import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { packAppSlices } from "../../lifecycle/layers/pack-app-slices.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { golden, tarFolder } from "./tar-data.ts";
import { makeTree, type TreeEntry } from "./tar-tree.ts";

const folder = join(tarFolder, "../03-slices");
const blobs = memoryBlobCache(1);

/** The scenarios whose description is the list of their slices. */
function scenarios(): readonly { readonly name: string; readonly slices: readonly (readonly string[])[] }[] {
  if (!existsSync(folder)) return [{ name: "(golden data is missing)", slices: [] }];
  return readdirSync(folder).flatMap((name) => {
    const { description } = JSON.parse(readFileSync(join(folder, name, "scenario.json"), "utf8")) as {
      description: string;
    };
    const list = /^slices (\[\[.*)$/.exec(description)?.[1];
    return list === undefined ? [] : [{ name, slices: JSON.parse(list) as readonly (readonly string[])[] }];
  });
}

describe("the slices of the application are the reference's bytes", () => {
  for (const { name, slices } of scenarios()) {
    golden(name, async () => {
      const root = mkdtempSync(join(tmpdir(), "tspack-slices-"));
      try {
        const { entries } = JSON.parse(readFileSync(join(folder, name, "input.json"), "utf8")) as {
          entries: TreeEntry[];
        };
        const app = entries.filter(({ path }) => path?.startsWith("/workspace"));
        await makeTree(root, app);
        const place = { path: join(root, "workspace"), name: "/workspace" };
        const options = { owner: { uid: 1000, gid: 1000 } };
        const layers = await packAppSlices(
          place,
          slices.map((paths) => ({ paths })),
          options,
          blobs,
        );
        const found = layers.map(({ layer, createdBy }) => `${layer.diffId} ${createdBy}`);
        const recorded = readFileSync(join(folder, name, "expected/diffids.txt"), "utf8").split("\n");
        const expected = recorded.filter((line) => line.includes("\tApplication ")).map((line) => line.split("\t"));
        expect(found).toEqual(expected.map(([diffId, , createdBy]) => `${diffId} ${createdBy}`));
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    });
  }
});
