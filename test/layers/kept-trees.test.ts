import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKeptTrees } from "../../lifecycle/layers/kept-trees.ts";
import { parseDiffId } from "../../lifecycle/oci/digest.ts";

const diffId = parseDiffId(`sha256:${"ab".repeat(32)}`);
let root = "";
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "tspack-trees-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A tree whose times are so old that it may be kept. */
function writeLayer(name: string): string {
  const path = join(root, name);
  mkdirSync(join(path, "lib/empty"), { recursive: true });
  writeFileSync(join(path, "lib/file"), "content");
  utimesSync(join(path, "lib/file"), 1, 1);
  writeFileSync(join(path, "lib/other"), "other");
  symlinkSync("file", join(path, "lib/link"));
  return path;
}

const signal = new AbortController().signal;
const store = (name = "trees") => openKeptTrees(join(root, name));
/** A moment after all that was written, so that nothing is too young. */
const later = () => Date.now() + 60_000;

async function keepLayer(path: string, since = later(), name = "trees"): Promise<void> {
  const trees = store(name);
  trees.packed(diffId, path);
  await trees.keep(since, signal);
}

describe("trees that are kept for the next build", () => {
  it("come back as they were, once", async () => {
    await keepLayer(writeLayer("layer"));
    expect(existsSync(join(root, "layer"))).toBe(false);
    expect(await store().take(diffId, join(root, "next/layer"), signal)).toBe(true);
    expect(readFileSync(join(root, "next/layer/lib/link"), "utf8")).toBe("content");
    expect(await store().take(diffId, join(root, "again"), signal)).toBe(false);
    expect(existsSync(join(root, "again"))).toBe(false);
  });

  it("do not come for another layer, and not over what is there", async () => {
    await keepLayer(writeLayer("layer"));
    mkdirSync(join(root, "there"));
    expect(await store().take(`sha256:${"cd".repeat(32)}`, join(root, "next"), signal)).toBe(false);
    expect(await store().take(diffId, join(root, "there"), signal)).toBe(false);
    expect(await store().take("no digest", join(root, "next"), signal)).toBe(false);
    expect(readdirSync(join(root, "there"))).toEqual([]);
  });

  it("are not kept when something in them changed after they were packed", async () => {
    const path = writeLayer("layer");
    const since = Date.now();
    await sleep(60);
    appendFileSync(join(path, "lib/file"), "!");
    await keepLayer(path, since);
    expect(await store().take(diffId, join(root, "next"), signal)).toBe(false);
  });

  it("are not kept with a hard link, whose content may change under another name", async () => {
    const path = writeLayer("layer");
    linkSync(join(path, "lib/file"), join(root, "outside"));
    await keepLayer(path);
    expect(await store().take(diffId, join(root, "next"), signal)).toBe(false);
  });

  it("are not kept in place of a link", async () => {
    writeLayer("layer");
    symlinkSync("layer", join(root, "linked"));
    await keepLayer(join(root, "linked"));
    expect(await store().take(diffId, join(root, "next"), signal)).toBe(false);
    expect(existsSync(join(root, "layer/lib/file"))).toBe(true);
  });

  it("make room for those of the next build", async () => {
    await keepLayer(writeLayer("layer"));
    await store().keep(later(), signal);
    expect(readdirSync(join(root, "trees"))).toEqual([]);
  });

  it("are not looked at to the end when the build is canceled", async () => {
    const layer = writeLayer("layer");
    for (let index = 0; index < 1500; index++) writeFileSync(join(layer, `file-${index}`), "");
    await keepLayer(layer);
    const aborter = new AbortController();
    const taking = store().take(diffId, join(root, "next"), aborter.signal);
    aborter.abort();
    await expect(taking).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(root, "next"))).toBe(false);
    // It is not offered any more, and goes with the next build.
    expect(await store().take(diffId, join(root, "next"), signal)).toBe(false);
    await store().keep(later(), signal);
    expect(readdirSync(join(root, "trees"))).toEqual([]);
  });

  const mutations: Readonly<Record<string, (tree: string) => void>> = {
    "other content of the same size and times": (tree) => {
      writeFileSync(join(tree, "lib/file"), "CONTENT");
      utimesSync(join(tree, "lib/file"), 1, 1);
    },
    "more content": (tree) => appendFileSync(join(tree, "lib/file"), "!"),
    "another mode": (tree) => chmodSync(join(tree, "lib/file"), 0o755),
    "another mode of a directory": (tree) => chmodSync(join(tree, "lib"), 0o700),
    "another mode of the top": (tree) => chmodSync(tree, 0o700),
    "a new file": (tree) => writeFileSync(join(tree, "new"), ""),
    "a file less": (tree) => rmSync(join(tree, "lib/other")),
    "an empty directory less": (tree) => rmSync(join(tree, "lib/empty"), { recursive: true }),
    "another name": (tree) => renameSync(join(tree, "lib/other"), join(tree, "lib/another")),
    "two files in each other's place": (tree) => {
      renameSync(join(tree, "lib/other"), join(tree, "lib/x"));
      renameSync(join(tree, "lib/file"), join(tree, "lib/other"));
      renameSync(join(tree, "lib/x"), join(tree, "lib/file"));
    },
    "another link": (tree) => {
      rmSync(join(tree, "lib/link"));
      symlinkSync("oops", join(tree, "lib/link"));
    },
    "a file for a link": (tree) => {
      rmSync(join(tree, "lib/link"));
      writeFileSync(join(tree, "lib/link"), "file");
    },
    "a second name outside": (tree) => linkSync(join(tree, "lib/file"), join(tree, "../../second")),
  };

  it("are refused after any change, and after any several", async () => {
    const some = fc.uniqueArray(fc.constantFrom(...Object.keys(mutations)), { minLength: 1, maxLength: 3 });
    let count = 0;
    const check = async (names: readonly string[]): Promise<void> => {
      count++;
      const [trees, layer] = [`trees-${count}`, writeLayer(`layer-${count}`)];
      chmodSync(layer, 0o755);
      await keepLayer(layer, later(), trees);
      const tree = join(root, trees, "ab".repeat(32));
      for (const name of names) {
        try {
          mutations[name]?.(tree);
        } catch {
          // A change that an earlier one made impossible; that one counts.
        }
      }
      expect(await store(trees).take(diffId, join(root, `next-${count}`), signal), names.join(" + ")).toBe(false);
      expect(existsSync(join(root, `next-${count}`))).toBe(false);
      rmSync(join(root, "second"), { force: true });
    };
    for (const name of Object.keys(mutations)) await check([name]);
    await fc.assert(fc.asyncProperty(some, check), { numRuns: 40 });
  });
});
