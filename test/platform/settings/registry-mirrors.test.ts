import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { mirroredSource, mirrorOf } from "../../../lifecycle/platform/settings/registry-mirrors.ts";
import type { Keychain } from "../../../lifecycle/stores/store.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { basic } from "../../fakes/registry-auth.ts";
import { type FakeRegistry, startFakeRegistry } from "../../fakes/registry.ts";

const started: FakeRegistry[] = [];
afterEach(async () => {
  for (const registry of started.splice(0)) await registry.close();
});

async function start(username: string): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ auth: { kind: "basic", username, password: "secret" } });
  started.push(registry);
  return registry;
}

/** Knows a user for each host, who is called as the host was named to it. */
function keychain(users: Readonly<Record<string, string>>): Keychain {
  return {
    resolve: (host) => {
      const username = users[host];
      return Promise.resolve(username === undefined ? undefined : { kind: "basic", username, password: "secret" });
    },
  };
}

describe("a mirror of a registry", () => {
  test("is asked in the registry's place, with the mirror's own credential and no other", async () => {
    const [origin, mirror] = [await start("origin"), await start("mirror")];
    const store = registryStore({ keychain: keychain({ [origin.host]: "origin", [mirror.host]: "mirror" }) });
    const image = testImage({ layers: [noise(500, 1)] });
    await store.write(image, [parseReference(`${mirror.host}/hub/team/app:1`)]);
    const [before, asked] = [origin.seen.length, mirror.seen.length];
    const source = mirroredSource(
      store,
      { registryMirrors: new Map([[origin.host, `${mirror.host}/hub`]]) },
      silentLogger,
    );
    const found = await source.resolve(parseReference(`${origin.host}/team/app:1`));
    expect((await found?.manifest())?.digest).toBe((await image.manifest()).digest);
    expect(origin.seen.length).toBe(before);
    const sent = new Set(mirror.seen.slice(asked).map(({ authorization }) => authorization));
    expect([...sent]).toEqual([basic("mirror", "secret")]);
  });

  test("that lacks an image means that there is none", async () => {
    const [origin, mirror] = [await start("me"), await start("me")];
    const store = registryStore({ keychain: keychain({ [origin.host]: "me", [mirror.host]: "me" }) });
    await store.write(testImage({ layers: [noise(500, 2)] }), [parseReference(`${origin.host}/app:1`)]);
    const before = origin.seen.length;
    const said: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void said.push(line) };
    const source = mirroredSource(store, { registryMirrors: new Map([[origin.host, mirror.host]]) }, logger);
    expect(await source.resolve(parseReference(`${origin.host}/app:1`))).toBeUndefined();
    expect(origin.seen.length).toBe(before);
    expect(said).toEqual([`the mirror ${mirror.host} of ${origin.host} does not have ${origin.host}/app:1`]);
  });
});

describe("the name of an image at a mirror", () => {
  const mirrors = new Map([
    ["docker.io", "hub.test:5000/proxy"],
    ["quay.test", "quay.test/cache"],
    ["own.test", "own.test"],
  ]);

  test.each([
    ["debian", "hub.test:5000", "proxy/library/debian"],
    ["docker.io/a/b:2", "hub.test:5000", "proxy/a/b"],
    ["quay.test/a", "quay.test", "cache/a"],
  ])("of %s", (name, registry, repository) => {
    expect(mirrorOf(parseReference(name), mirrors)).toMatchObject({ registry, repository, original: name });
  });

  test.each(["own.test/a", "other.test/a", "docker.io.test/a"])("is not another one for %s", (name) => {
    expect(mirrorOf(parseReference(name), mirrors)).toBeUndefined();
  });

  test("is that of * for what is not listed", () => {
    const any = new Map([...mirrors, ["*", "any.test"] as const]);
    expect(mirrorOf(parseReference("other.test/a"), any)).toMatchObject({ registry: "any.test", repository: "a" });
    expect(mirrorOf(parseReference("debian"), any)?.registry).toBe("hub.test:5000");
  });
});
