import { describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import type { Keychain } from "../../lifecycle/stores/store.ts";
import { isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { storeContract } from "../contract/store-contract.ts";

const retry = { attempts: 4, delay: 5, longest: 50 };
const known: Keychain = {
  resolve: () => Promise.resolve({ kind: "basic", username: "ada", password: "pass:word" }),
};

// CI installs everything: there a missing program is a failure.
const installed = process.env["CI"] !== undefined || isInstalled("docker-registry");

describe.skipIf(!installed)("docker-registry (needs the program docker-registry)", () => {
  storeContract("docker-registry, open", async () => {
    const registry = await startDockerRegistry();
    return { store: registryStore({ retry }), registry: registry.host, close: registry.close };
  });

  // bcrypt of "pass:word".
  const htpasswd = "ada:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";
  storeContract("docker-registry with passwords", async () => {
    const registry = await startDockerRegistry({ htpasswd });
    return { store: registryStore({ keychain: known, retry }), registry: registry.host, close: registry.close };
  });

  test("docker-registry with another password says UNAUTHORIZED", async () => {
    const registry = await startDockerRegistry({ htpasswd });
    const keychain: Keychain = { resolve: async () => ({ kind: "basic", username: "ada", password: "no" }) };
    const access = registryStore({ keychain, retry }).checkAccess(parseReference(`${registry.host}/a`), "write");
    await expect(access).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await registry.close();
  });
});
