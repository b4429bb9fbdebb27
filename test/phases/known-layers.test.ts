import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { packingBy } from "../../lifecycle/layers/hash-first.ts";
import { openKnownTrees } from "../../lifecycle/layers/known-trees.ts";
import { hasTrustedTimes } from "../../lifecycle/layers/trusted-times.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { create } from "../../lifecycle/phases/create.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

const features = platformFeatures("0.13");
const owner = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
const [app, run] = [parseReference("localhost/app"), parseReference("localhost/run")];
const trusted = hasTrustedTimes(tmpdir());
if (!trusted && process.env["CI"] !== undefined) throw new Error("CI needs a TMPDIR on ext4, XFS or Btrfs");

/** Bytes of the layer: much more than anything else that a build reads. */
const layerSize = 24 << 20;
const script = [
  '[ -d "$1/big" ] || { mkdir "$1/big"; head -c 25165824 /dev/zero > "$1/big/file"; }',
  'printf "[types]\\nlaunch = true\\ncache = true\\n" > "$1/big.toml"',
  '[ ! -e edit ] || cat edit >> "$1/big/file"',
  '[ ! -e again ] || { cp "$1/big/file" "$1/big/copy"; mv "$1/big/copy" "$1/big/file"; }',
  // A file that is younger than a tick of the clock is read again.
  "sleep 0.05",
].join("\n");

let made: Fixture;
let store = memoryStore();
beforeEach(async () => {
  made = fixture();
  store = memoryStore();
  made.add({ id: "a/b", build: script });
  made.write("lifecycle/launcher", "launcher");
  mkdirSync(join(made.dir, "cache"));
  await store.write(testImage({ layers: [tarOfNoise(600, 1)] }), [run]);
});
afterEach(() => made.remove());

/** What one build read and compressed, in bytes, and the digest of its image. */
interface Built {
  readonly digest: string;
  readonly read: number;
  readonly compressed: number;
}

async function build(verify = false): Promise<Built> {
  const { ctx, layers } = made;
  const before = bytesRead();
  const order = { order: [{ group: [{ id: "a/b", version: "1.0.0" }] }], orderExtensions: [] };
  let compressed = 0;
  const real = await openBlobCache(mkdtempSync(join(made.dir, "blobs-")), { ctx });
  const blobs = packingBy(real, (produce) =>
    real.pack((sink) => produce({ write: (bytes) => ((compressed += bytes.length), sink.write(bytes)) })),
  );
  const known = openKnownTrees(join(made.dir, "cache"), {
    owner,
    now: Date.now,
    verify: verify ? () => {} : undefined,
  });
  const { written } = await create(
    {
      analyze: {
        features,
        outputImages: [app],
        previousImage: app,
        runImage: run,
        cacheImage: undefined,
        layers,
        skipLayers: false,
      },
      detect: () => ({ ...made.inputs("0.13"), order, system: undefined }),
      export: {
        features,
        app: made.app,
        layers,
        owner,
        launcher: {
          path: join(made.dir, "lifecycle/launcher"),
          lifecycleDir: join(made.dir, "lifecycle"),
          version: { version: "1", repository: "r", commit: "c" },
        },
        outputImages: [app],
        project: undefined,
      },
      runToml: { images: [{ image: "localhost/run", mirrors: [] }] },
      skipRestore: false,
    },
    {
      images: store,
      sink: store,
      blobs,
      cache: await openVolumeCache(join(made.dir, "cache"), ctx),
      known,
      output: { kind: "stream", write: () => {} },
      ctx,
    },
  );
  return { digest: written.digest, read: bytesRead() - before, compressed };
}

/** Bytes that this process got from read(2) and its like. proc(5). */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

const bigFile = (): string => join(made.layers.path, "a_b/big/file");

describe.skipIf(!trusted)("a second build with the layers of the first in place", () => {
  test("reads nothing of a layer that nobody touched, and restores nothing over it", async () => {
    const first = await build();
    expect(first.read).toBeGreaterThan(layerSize);
    const inode = statSync(bigFile()).ino;
    for (let round = 0; round < 2; round++) {
      const again = await build();
      expect(again.digest).toBe(first.digest);
      expect(again.read).toBeLessThan(layerSize / 4);
    }
    expect(statSync(bigFile()).ino).toBe(inode);
    expect(made.log).toContain("info Reusing layer 'a/b:big'");
    expect(made.log).toContain("info Reusing cache layer 'a/b:big'");
  });

  test("reads it when one byte was added, and restores what the cache has", async () => {
    const first = await build();
    appendFileSync(bigFile(), "!");
    const again = await build();
    expect(again.read).toBeGreaterThan(layerSize);
    expect(statSync(bigFile()).size).toBe(layerSize);
    expect(again.digest).toBe(first.digest);
  });

  test("reads and compresses it in one pass when the buildpack changed it", async () => {
    await build();
    made.write("app/edit", "!");
    const again = await build();
    expect(statSync(bigFile()).size).toBe(layerSize + 1);
    expect(again.compressed).toBeGreaterThan(layerSize);
    expect(again.read).toBeLessThan(1.5 * layerSize);
    expect((await build()).digest).not.toBe(again.digest);
  });

  test("compresses nothing when the buildpack made it again as it was", async () => {
    await build();
    const inode = statSync(bigFile()).ino;
    made.write("app/again", "");
    const again = await build();
    expect(statSync(bigFile()).ino).not.toBe(inode);
    expect(made.log).toContain("info Reusing layer 'a/b:big'");
    expect(again.compressed).toBeLessThan(layerSize / 4);
  });

  test("reads it when that is asked for", async () => {
    const first = await build();
    const again = await build(true);
    expect(again.read).toBeGreaterThan(layerSize);
    expect(again.digest).toBe(first.digest);
  });
});
