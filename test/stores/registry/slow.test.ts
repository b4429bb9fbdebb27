import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { type ImageRef, parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { wire } from "../../../lifecycle/stores/registry/wire.ts";
import { type FakeRegistry, startFakeRegistry } from "../../fakes/registry.ts";
import type { FaultAction } from "../../fakes/registry-faults.ts";

// At the same time, because each mostly waits: timers of connections have a resolution of a second.
describe.concurrent("a registry that is slow", () => {
  const image = testImage({ layers: [noise(200_000, 51)] });

  async function withImage(work: (registry: FakeRegistry, ref: ImageRef) => Promise<void>): Promise<void> {
    const registry = await startFakeRegistry();
    const ref = parseReference(`${registry.host}/app:v1`);
    await registryStore().write(image, [ref]);
    await work(registry, ref);
    await registry.close();
  }

  async function readAll(ref: ImageRef, attempts: number): Promise<void> {
    const store = registryStore({ timeout: 400, retry: { attempts, delay: 1, longest: 2 } });
    const back = await store.resolve(ref);
    if (back === undefined) throw new Error("the image is missing");
    await validate(back);
  }

  test.each<[string, RegExp, FaultAction]>([
    ["stops within a manifest", /manifests/, { kind: "stall", after: 20 }],
    ["sends a manifest byte by byte", /manifests/, { kind: "trickle", pause: 15 }],
    ["stops before a blob", /blobs/, { kind: "stall", after: 0 }],
    ["stops within a blob", /blobs/, { kind: "stall", after: 100 }],
    ["sends a blob byte by byte", /blobs/, { kind: "trickle", pause: 15 }],
  ])("and %s is given up", async (_, path, action) => {
    await withImage(async (registry, ref) => {
      registry.fail({ method: "GET", path, times: 99, action });
      const started = performance.now();
      await expect(readAll(ref, 2)).rejects.toMatchObject({
        code: "REGISTRY_UNREACHABLE",
        remote: { method: "GET", side: "source" },
      });
      expect(performance.now() - started).toBeLessThan(10_000);
    });
  });

  test("with its very first answer is not waited for as long as for others", async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`);
    const signal = AbortSignal.timeout(10_000);
    const send = wire({ userAgent: "test" });
    const asked = { method: "GET", url, headers: {}, side: "source", signal, patience: 300 } as const;
    await expect(send(asked)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("in its beginning, and then is not, is waited for", async () => {
    await withImage(async (registry, ref) => {
      registry.fail({ method: "GET", path: /manifests/, action: { kind: "stall", after: 5 } });
      registry.fail({ method: "GET", path: /blobs/, action: { kind: "stall", after: 5 } });
      await readAll(ref, 2);
    });
  });
});
