import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TspackError } from "../../lifecycle/errors.ts";
import { type MemoryStore } from "../../lifecycle/stores/memory.ts";
import { app, exportBuild } from "./export-fixture.ts";

const at = exportBuild();
const { exporting, cache, write } = at;

describe("the cache", () => {
  test("keeps cached layers, and reuses what did not change", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\n[metadata]\nn = 3\n");
    await exporting({}, await cache());
    expect(at.lines).toContain("Adding cache layer 'a/b:lib'");
    expect(readdirSync(join(at.root, "cache/committed")).filter((name) => name.endsWith(".tar"))).toHaveLength(1);
    await exporting({}, await cache());
    expect(at.lines).toContain("Reusing cache layer 'a/b:lib'");
  });

  test("says that a damaged layer is not reused, and mends it", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\n");
    await exporting({}, await cache());
    const [tar = ""] = readdirSync(join(at.root, "cache/committed")).filter((name) => name.endsWith(".tar"));
    write(`cache/committed/${tar}`, "damaged");
    await exporting({}, await cache());
    expect(at.lines).toContainEqual(
      expect.stringMatching(/^Skipping reuse for layer a\/b:lib: expected layer contents to have SHA 'sha256:/),
    );
    const sha = (await (await cache()).metadata()).buildpacks[0]?.layers["lib"]?.sha;
    expect((await (await cache()).lookup(sha as never)).kind).toBe("hit");
  });

  test("gets a copy of a layer while that is packed, and none of one that it has, which only the image lacks", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\nlaunch = true\n");
    const copies = async (): Promise<number> => {
      const real = await cache();
      let begun = 0;
      await exporting({}, { ...real, copy: () => (begun++, real.copy?.() ?? Promise.resolve(undefined)) });
      return begun;
    };
    expect(await copies()).toBe(1);
    expect(await copies()).toBe(0);
    expect(at.lines).toContain("Reusing cache layer 'a/b:lib'");
    const { layers } = (await (await cache()).metadata()).buildpacks[0] ?? {};
    expect((await (await cache()).lookup(layers?.["lib"]?.sha as never)).kind).toBe("hit");
  });

  test("that cannot be written is a warning: the image is there", async () => {
    const broken = { ...(await cache()), commit: () => Promise.reject(new Error("no space")) };
    await exporting({}, broken);
    expect(at.lines).toContain("Failed to export cache: no space");
    expect(await at.store.resolve(app)).toBeDefined();
  });

  test("is written while the image is, when that is wanted: each waits for the other here", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\nlaunch = true\n");
    const [imageBegun, cacheBegun] = [gate(), gate()];
    const real = await cache();
    const kept: typeof real = {
      ...real,
      metadata: () => (cacheBegun.open(), real.metadata()),
      commit: (metadata) => imageBegun.opened.then(() => real.commit(metadata)),
    };
    const sink: MemoryStore = {
      ...at.store,
      write: (...args) => (imageBegun.open(), cacheBegun.opened.then(() => at.store.write(...args))),
    };
    const { image } = await exporting({ parallel: true }, kept, sink);
    const alone = await exporting({});
    expect((await image.manifest()).digest).toBe((await alone.image.manifest()).digest);
    expect((await (await cache()).metadata()).buildpacks[0]?.layers["lib"]?.sha).toBe(alone.plan.layers[0]?.diffId);
  });

  test("is stopped, and waited for, when the image beside it fails", async () => {
    let ended = false;
    const slow = {
      ...(await cache()),
      commit: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        ended = true;
      },
    };
    const sink = { ...at.store, write: () => Promise.reject(new TspackError("DISK_FULL", "full")) };
    await expect(exporting({ parallel: true }, slow, sink)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(ended).toBe(true);
  });
});

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
