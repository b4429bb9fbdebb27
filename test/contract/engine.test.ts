import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { startFakeEngine } from "../fakes/engine.ts";
import { storeContract } from "./store-contract.ts";

// Real engines pass the same contract in test/e2e/engine-contract.test.ts.
storeContract("container engine in this process", async () => {
  const fake = await startFakeEngine();
  const directory = mkdtempSync(join(tmpdir(), "tspack-engine-"));
  const engine = engineConnection({ kind: "unix", path: fake.socket });
  return {
    store: engineStore({ engine, directory: () => directory }),
    registry: "localhost:1",
    // It looks only into images that it is told of.
    sharesLayers: false,
    keepsManifests: false,
    close: async () => {
      await engine.close();
      await fake.close();
      rmSync(directory, { recursive: true });
    },
  };
});
