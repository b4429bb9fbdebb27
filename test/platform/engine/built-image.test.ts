import { describe, expect, test } from "vitest";
import { digestOf } from "../../../lifecycle/oci/digest.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { inspectImage } from "../../../lifecycle/platform/engine/images.ts";
import { bringMadeImage } from "../../../lifecycle/platform/engine/bring-image.ts";
import { type BuiltPlaces, builtImage } from "../../../lifecycle/platform/engine/built-image.ts";
import { engineConnection, type EngineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../../lifecycle/stores/engine/engine-store.ts";
import { memoryStore } from "../../../lifecycle/stores/memory.ts";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { type FakeEngine, type FakeEngineOptions, startFakeEngine } from "../../fakes/engine.ts";
import { tarOfNoise, testImage } from "../../fakes/images.ts";

const app = parseReference("e2e.test/app:v1");
const image = testImage({ layers: [tarOfNoise(3000, 1), tarOfNoise(5000, 2)] });
const report = { bom: [], image: { tags: [app.original], imageId: undefined, digest: undefined } };

async function withEngine(
  options: FakeEngineOptions,
  work: (engine: EngineConnection, fake: FakeEngine) => Promise<void>,
): Promise<void> {
  const fake = await startFakeEngine(options);
  const engine = engineConnection({ kind: "unix", path: fake.socket });
  try {
    await work(engine, fake);
  } finally {
    await engine.close();
    await fake.close();
  }
}

function places(connection: EngineConnection): BuiltPlaces {
  return {
    resolved: { names: [app], output: { kind: "engine" } },
    tools: { registries: memoryStore() },
    engine: { open: { connection, name: "Docker" } },
  };
}

const write = (engine: EngineConnection) => engineStore({ engine, directory: () => "" }).write(image, [app]);

describe("an image that containers built in an engine", () => {
  test.each([
    ["Docker's own store: its config's digest", {}, false],
    ["containerd's store: its manifest's digest", { keepsContent: true }, true],
    ["containerd's store of several platforms", { keepsContent: true, version: "1.49" }, true],
  ] as const)("is told of by the ID that it has in %s", async (_what, options, isManifest) => {
    await withEngine(options, async (engine) => {
      await write(engine);
      const { id } = (await inspectImage(engine, app.original)) ?? {};
      const { digest, layers, store } = await builtImage(report, places(engine));
      expect(digest).toBe(id);
      const config = (await image.config()).digest;
      expect(digest).toBe(isManifest ? digestOf(`manifest of ${config}`) : config);
      const diffIds = (await image.config()).value.rootfs.diff_ids;
      expect(layers).toEqual(diffIds.map((diffId) => ({ diffId, digest: diffId, size: expect.any(Number) })));
      expect(layers.every(({ size }) => size > 0)).toBe(true);
      expect(store).toBe("Docker");
    });
  });

  test("is told of without sizes by an engine that fails at its history", async () => {
    const lines = (await image.config()).value.history;
    const before = (line: string) => {
      if (line.endsWith("/history")) return { status: 500, body: '{"message":"nil pointer"}' };
      return line.includes("/libpod/") ? { status: 200, body: JSON.stringify({ History: lines }) } : undefined;
    };
    await withEngine({ before }, async (engine) => {
      await write(engine);
      expect((await builtImage(report, places(engine))).layers.map(({ size }) => size)).toEqual([0, 0]);
    });
  });

  test("that is not there is EXPORT_FAILED", async () => {
    await withEngine({}, async (engine) => {
      await expect(builtImage(report, places(engine))).rejects.toMatchObject({ code: "EXPORT_FAILED" });
    });
  });
});

test.each([false, true])(
  "an image made here is sent once, whatever its ID there (containerd: %s)",
  async (keepsContent) => {
    await withEngine({ keepsContent }, async (engine, fake) => {
      const ctx = {
        logger: silentLogger,
        progress: silentProgress,
        clock: () => new Date(),
        signal: AbortSignal.timeout(9000),
      };
      const keychain = { resolve: () => Promise.resolve(undefined) };
      const ports = { engine, local: memoryStore(), keychain, policy: "never", platform: undefined, ctx } as const;
      const first = await bringMadeImage(image, "builder", ports);
      const second = await bringMadeImage(image, "builder", ports);
      expect(second.id).toBe(first.id);
      expect(fake.requests.filter((line) => line.startsWith("POST /images/load"))).toHaveLength(1);
    });
  },
);
