import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KnownTrees, openKnownTrees } from "../../lifecycle/layers/known-trees.ts";
import type { Place } from "../../lifecycle/layers/place.ts";
import { hasTrustedTimes } from "../../lifecycle/layers/trusted-times.ts";
import { type DiffId, digestOf, parseDiffId } from "../../lifecycle/oci/digest.ts";
import { changes, writeDated } from "./tree-changes.ts";

const owner = { uid: 1000, gid: 1000 };
const other = parseDiffId(`sha256:${"cd".repeat(32)}`);
const signal = new AbortController().signal;
const trusted = hasTrustedTimes(tmpdir());
if (!trusted && process.env["CI"] !== undefined) throw new Error("CI needs a TMPDIR on ext4, XFS or Btrfs");
let root = "";
let clock = 0;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tspack-known-"));
  mkdirSync(join(root, "cache"));
  clock = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The layer's place; its parents are as the platform says, so that only the layer itself counts. */
const place = (name = "layer"): Place => ({
  path: join(root, name),
  name: "/layers/x/layer",
  parents: { ...owner, mode: 0o755 },
});

/** Everything was written a minute ago, by this clock. */
const open = (options: { readonly verify?: (expected: DiffId, found: DiffId) => void } = {}): KnownTrees =>
  openKnownTrees(join(root, "cache"), {
    owner,
    now: () => Date.now() + 60_000 + clock++,
    verify: options.verify === undefined ? undefined : (_place, expected, found) => options.verify?.(expected, found),
  });

const isWanted = (): boolean => true;
const records = (): string => join(root, "cache/tspack-layers.v4.json");

function writeLayer(name = "layer"): void {
  mkdirSync(join(root, name, "lib/empty"), { recursive: true });
  for (const file of ["lib/one", "lib/two", "three"]) writeDated(join(root, name, file), `content of ${file}`);
  symlinkSync("one", join(root, name, "lib/link"));
  writeEnv(name);
}

/** What a buildpack writes in every build. */
function writeEnv(name = "layer", value = "value"): void {
  for (const directory of ["env", "env.launch", "exec.d"]) {
    rmSync(join(root, name, directory), { recursive: true, force: true });
    mkdirSync(join(root, name, directory));
    writeFileSync(join(root, name, directory, "NAME"), value);
  }
}

/** Writes the layer's tar and gives its DiffID. */
async function pack(trees: KnownTrees, at = place()): Promise<DiffId> {
  const parts: Buffer[] = [];
  const packed = await trees.write(at, { write: (bytes) => void parts.push(Buffer.from(bytes)) }, signal);
  const diffId = parseDiffId(digestOf(Buffer.concat(parts)));
  packed(diffId);
  return diffId;
}

async function packAndSave(at = place()): Promise<DiffId> {
  const trees = open();
  const diffId = await pack(trees, at);
  trees.save();
  return diffId;
}

describe.skipIf(!trusted)("directories of layers that were packed before", () => {
  it("are known while nobody touches them, from build to build", async () => {
    writeLayer();
    const diffId = await packAndSave();
    for (let build = 0; build < 3; build++) {
      const trees = open();
      expect(await trees.find(place(), isWanted, signal)).toBe(diffId);
      trees.save();
    }
    expect(statSync(records()).mode & 0o777).toBe(0o600);
  });

  it("are not known when nobody wants the layer, for another owner, name or mode above, and without records", async () => {
    writeLayer();
    await packAndSave();
    expect(await open().find(place(), (diffId) => diffId === other, signal)).toBeUndefined();
    expect(await open().find({ ...place(), name: "/layers/x/other" }, isWanted, signal)).toBeUndefined();
    expect(await open().find({ ...place(), parents: { ...owner, mode: 0o700 } }, isWanted, signal)).toBeUndefined();
    const now = (): number => Date.now() + 60_000;
    const foreign = openKnownTrees(join(root, "cache"), { owner: { uid: 1, gid: 1 }, now });
    expect(await foreign.find(place(), isWanted, signal)).toBeUndefined();
    rmSync(records());
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("are read again when the platform asks for that, which tells of one that would have been wrong", async () => {
    writeLayer();
    const diffId = await packAndSave();
    const wrong: (readonly [DiffId, DiffId])[] = [];
    const verify = (expected: DiffId, found: DiffId): void => void wrong.push([expected, found]);
    expect(await open({ verify }).find(place(), isWanted, signal)).toBeUndefined();
    await pack(open({ verify }));
    expect(wrong).toEqual([]);
    writeFileSync(records(), readFileSync(records(), "utf8").replaceAll(diffId, other));
    expect(await pack(open({ verify }))).toBe(diffId);
    expect(wrong).toEqual([[other, diffId]]);
  });

  it("are unknown as long as they are so young that a write may have the same time", async () => {
    writeLayer();
    const young = openKnownTrees(join(root, "cache"), { owner, now: Date.now });
    await pack(young);
    young.save();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    await sleep(60);
    const settled = openKnownTrees(join(root, "cache"), { owner, now: Date.now });
    await pack(settled);
    settled.save();
    expect(await open().find(place(), isWanted, signal)).toBeDefined();
  });

  it("are unknown when the clock was set back, or was ahead when a file was written", async () => {
    writeLayer();
    await packAndSave();
    expect(
      await openKnownTrees(join(root, "cache"), { owner, now: Date.now }).find(place(), isWanted, signal),
    ).toBeUndefined();
    const behind = openKnownTrees(join(root, "cache"), { owner, now: () => Date.now() - 3_600_000 });
    await pack(behind);
    behind.save();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("are unknown when the same files were restored in their place", async () => {
    writeLayer();
    await packAndSave();
    rmSync(join(root, "layer"), { recursive: true });
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    writeLayer();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("are another layer for certain after a change of names, sizes, modes or variables, and not made again as they were", async () => {
    writeLayer();
    await packAndSave();
    const isAnother = async (at = place()): Promise<boolean> => {
      const trees = open();
      await trees.find(at, isWanted, signal);
      return trees.isAnother(at);
    };
    renameSync(join(root, "layer"), join(root, "before"));
    writeLayer();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    expect(await isAnother()).toBe(false);
    // The same sizes may be the same content: only reading tells.
    writeFileSync(join(root, "layer/three"), "CONTENT of three");
    expect(await isAnother()).toBe(false);
    expect(await isAnother({ ...place(), parents: { ...owner, mode: 0o700 } })).toBe(true);
    const certain: readonly (() => void)[] = [
      () => writeFileSync(join(root, "layer/three"), "content of three!"),
      () => writeFileSync(join(root, "layer/new"), ""),
      () => rmSync(join(root, "layer/lib/empty"), { recursive: true }),
      () => chmodSync(join(root, "layer/lib/one"), 0o755),
      () => writeEnv("layer", "VALUE"),
    ];
    for (const change of certain) {
      rmSync(join(root, "layer"), { recursive: true });
      writeLayer();
      expect(await isAnother()).toBe(false);
      change();
      expect(await isAnother()).toBe(true);
    }
  });

  it("are unknown with a hard link or a pipe, and when they are a link", async () => {
    writeLayer();
    linkSync(join(root, "layer/three"), join(root, "outside"));
    await packAndSave();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    rmSync(join(root, "outside"));
    renameSync(join(root, "layer"), join(root, "real"));
    symlinkSync("real", join(root, "layer"));
    await packAndSave();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("have no records that are damaged, of strangers, or for good", async () => {
    writeLayer();
    await packAndSave();
    const good = readFileSync(records(), "utf8");
    for (const text of [
      "",
      "{",
      "null",
      '{"at":1}',
      '{"at":1,"entries":{"/layers/x/layer":"sha256:ab cd"}}',
      good.slice(9),
    ]) {
      writeFileSync(records(), text);
      expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    }
    writeFileSync(records(), good);
    expect(await open().find(place(), isWanted, signal)).toBeDefined();
    // A build that did not have the layer leaves nothing about it.
    open().save();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("are known when variables and programs of exec.d were written again as they were, and not when they changed", async () => {
    writeLayer();
    const diffId = await packAndSave();
    writeEnv();
    expect(await open().find(place(), isWanted, signal)).toBe(diffId);
    writeEnv("layer", "VALUE");
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    writeEnv();
    expect(await open().find(place(), isWanted, signal)).toBe(diffId);
    writeFileSync(join(root, "layer/env/OTHER"), "value");
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
    // Below another directory, or too large to be read for this, the same content is no proof.
    writeEnv();
    mkdirSync(join(root, "layer/lib/env"));
    for (const [path, size] of [["lib/env/NAME", 5] as const, ["env/LARGE", 100_000] as const]) {
      const content = Buffer.alloc(size, "v");
      writeFileSync(join(root, "layer", path), content);
      await packAndSave();
      expect(await open().find(place(), isWanted, signal)).toBeDefined();
      rmSync(join(root, "layer", path));
      writeFileSync(join(root, "layer", path), content);
      expect(await open().find(place(), isWanted, signal), path).toBeUndefined();
    }
  });

  it("leave no record when a variable changes after the fingerprint was begun", async () => {
    writeLayer();
    const trees = open();
    let isFirst = true;
    const change = (): undefined => {
      if (isFirst) writeEnv("layer", "other");
      isFirst = false;
      return undefined;
    };
    writeFileSync(join(root, "layer/three"), Buffer.alloc(3 << 20));
    const packed = await trees.write(place(), { write: change }, signal);
    packed(other);
    trees.save();
    writeEnv();
    expect(await open().find(place(), isWanted, signal)).toBeUndefined();
  });

  it("of many files, also with names that are no text, are unknown after a change of any of them", async () => {
    const many = join(root, "layer/many");
    mkdirSync(many, { recursive: true });
    const names = Array.from({ length: 2100 }, (_, index) => Buffer.from(`${many}/\xff-${10_000 + index}`, "latin1"));
    for (const name of names) writeFileSync(name, "x");
    await sleep(12);
    for (const index of [0, 1, 1020, 1021, 1022, 1023, 1024, 2047, 2048, 2099]) {
      const before = await packAndSave();
      expect(await open().find(place(), isWanted, signal)).toBe(before);
      writeFileSync(names[index] as Buffer, "y");
      expect(await open().find(place(), isWanted, signal), `${index}`).toBeUndefined();
    }
  });

  it("are unknown after any change", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: changes.length - 1 }), fc.nat({ max: 3 }), async (change, which) => {
        const name = `layer-${clock}`;
        writeLayer(name);
        // Clocks of file systems tick: what is written in the same tick has the same time.
        await sleep(12);
        const before = await packAndSave(place(name));
        expect(await open().find(place(name), isWanted, signal)).toBe(before);
        changes[change]?.(join(root, name), which);
        const found = await open().find(place(name), isWanted, signal);
        rmSync(join(root, name), { recursive: true });
        expect(found).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});
