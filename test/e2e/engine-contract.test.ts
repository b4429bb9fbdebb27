import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { type StoreUnderTest, storeContract } from "../contract/store-contract.ts";
import { canStartEngine, startDockerEngine, startPodmanEngine, type TestEngine } from "./docker-engine.ts";

// CI installs everything: there a missing engine is a failure.
const isCi = process.env["CI"] !== undefined;

describe.skipIf(!isCi && !canStartEngine("dockerd"))("Docker (needs root and dockerd)", () => {
  storeContract("Docker engine", () => open(startDockerEngine));
});

describe.skipIf(!isCi && !canStartEngine("podman"))("Podman (needs root and podman)", () => {
  storeContract("Podman", () => open(startPodmanEngine));
});

async function open(start: () => Promise<TestEngine | undefined>): Promise<StoreUnderTest> {
  const started = await start();
  if (started === undefined) throw new Error("no engine can be started here");
  const directory = mkdtempSync(join(tmpdir(), "tspack-engine-"));
  const engine = engineConnection({ kind: "unix", path: started.socket });
  return {
    store: engineStore({ engine, directory: () => directory }),
    registry: "localhost:1",
    // It looks only into images that it is told of.
    sharesLayers: false,
    keepsManifests: false,
    allowsNoLayers: false,
    close: async () => {
      await engine.close();
      rmSync(directory, { recursive: true });
      await started.close();
    },
  };
}
