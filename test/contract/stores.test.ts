import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Keychain } from "../../lifecycle/stores/store.ts";
import { layoutDirectoryStore } from "../../lifecycle/stores/layout/layout-directory.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { startFakeRegistry } from "../fakes/registry.ts";
import type { FakeAuth } from "../fakes/registry-auth.ts";
import { storeContract } from "./store-contract.ts";

const retry = { attempts: 4, delay: 5, longest: 50 };
const platform = { os: "linux", architecture: "amd64" };

storeContract("memory", async () => ({ store: memoryStore(), registry: "localhost:1", close: async () => {} }));

storeContract("layout", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tspack-layout-"));
  return {
    store: layoutStore(directory, { platform }),
    registry: "localhost:1",
    close: () => rm(directory, { recursive: true }),
  };
});

storeContract("layout directory", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tspack-layouts-"));
  const store = layoutDirectoryStore(directory, { platform });
  return { store, registry: "localhost:1", sharesLayers: false, close: () => rm(directory, { recursive: true }) };
});

const known: Keychain = {
  resolve: () => Promise.resolve({ kind: "basic", username: "ada", password: "pass:word" }),
};
const auths: readonly FakeAuth[] = [
  { kind: "none" },
  { kind: "basic", username: "ada", password: "pass:word" },
  { kind: "bearer", username: "ada", password: "pass:word" },
  { kind: "bearer", username: "ada", password: "pass:word", uses: 3 },
];

for (const auth of auths) {
  const name = `registry in this process, auth ${auth.kind}${"uses" in auth ? " with short-lived tokens" : ""}`;
  storeContract(name, async () => {
    const registry = await startFakeRegistry({ auth });
    return { store: registryStore({ keychain: known, retry }), registry: registry.host, close: registry.close };
  });
}
