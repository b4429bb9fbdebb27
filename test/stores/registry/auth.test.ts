import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import type { Credential, Keychain } from "../../../lifecycle/stores/store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { startFakeRegistry } from "../../fakes/registry.ts";
import type { FakeOptions, FakeRegistry } from "../../fakes/registry.ts";
import { basic } from "../../fakes/registry-auth.ts";

const retry = { attempts: 2, delay: 1, longest: 10 };
const secret = "geheim:3";
const auth = { kind: "bearer", username: "ada", password: secret } as const;
const image = testImage({ layers: [noise(2000, 31)] });

const running: FakeRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});
async function start(options?: FakeOptions): Promise<FakeRegistry> {
  const registry = await startFakeRegistry(options);
  running.push(registry);
  return registry;
}
const keychain = (credential: Credential | undefined): Keychain => ({ resolve: async () => credential });
const ada = keychain({ kind: "basic", username: "ada", password: secret });

describe("bearer tokens", () => {
  test("are fetched once per repository and right, and used until they end", async () => {
    const registry = await start({ auth });
    await registryStore({ keychain: ada, retry }).write(image, [parseReference(`${registry.host}/app:v1`)]);
    const asked = registry.seen.filter(({ url }) => url.startsWith("/token"));
    expect(asked.map(({ url }) => new URL(url, "http://x").searchParams.getAll("scope"))).toEqual([
      ["repository:app:pull,push"],
    ]);
    expect(asked[0]?.authorization).toBe(basic("ada", secret));
    const others = registry.seen.filter(({ url }) => url.startsWith("/v2/app/"));
    expect(others.every(({ authorization }) => authorization?.startsWith("Bearer token-"))).toBe(true);
  });

  test("for a mount allow reading the other repository", async () => {
    const registry = await start({ auth });
    const store = registryStore({ keychain: ada, retry });
    await store.write(image, [parseReference(`${registry.host}/base:v1`)]);
    await registryStore({ keychain: ada, retry }).write(image, [parseReference(`${registry.host}/app:v1`)], {
      mountFrom: [parseReference(`${registry.host}/base`)],
    });
    const scopes = registry.seen.map(({ url }) => new URL(url, "http://x").searchParams.getAll("scope"));
    expect(scopes).toContainEqual(["repository:app:pull,push", "repository:base:pull"]);
  });

  test("are fetched with an identity token by POST, which never is in a URL", async () => {
    const registry = await start({ auth: { ...auth, identityToken: "id-token" } });
    const store = registryStore({ keychain: keychain({ kind: "token", identityToken: "id-token" }), retry });
    await store.write(image, [parseReference(`${registry.host}/app:v1`)]);
    expect(registry.count("POST", /^\/token$/)).toBe(1);
    expect(registry.seen.some(({ url }) => url.includes("id-token"))).toBe(false);
  });

  test("let an anonymous reader read and not write", async () => {
    const registry = await start({ auth: { ...auth, anonymousPull: true } });
    const ref = parseReference(`${registry.host}/app:v1`);
    await registryStore({ keychain: ada, retry }).write(image, [ref]);
    const anonymous = registryStore({ retry });
    expect(await anonymous.resolve(ref)).toBeDefined();
    await expect(anonymous.checkAccess(ref, "write")).rejects.toMatchObject({
      code: "UNAUTHORIZED",
      remote: { side: "destination" },
    });
  });

  test("that are given as a header are sent as they are", async () => {
    const registry = await start({ auth: { kind: "basic", username: "ada", password: secret } });
    const header = keychain({ kind: "header", authorization: basic("ada", secret) });
    await registryStore({ keychain: header, retry }).checkAccess(parseReference(`${registry.host}/a`), "write");
  });
});

describe("credentials", () => {
  test.each(["basic", "bearer"] as const)("that are wrong are UNAUTHORIZED (%s)", async (kind) => {
    const registry = await start({ auth: { ...auth, kind } });
    const wrong = keychain({ kind: "basic", username: "ada", password: "wrong-password" });
    const failure = await registryStore({ keychain: wrong, retry })
      .resolve(parseReference(`${registry.host}/app:v1`))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(JSON.stringify([String(failure), failure])).not.toContain("wrong-password");
  });

  test("do not follow a redirect to another host", async () => {
    const elsewhere = await start();
    const registry = await start({ auth: { kind: "basic", username: "ada", password: secret } });
    const ref = parseReference(`${registry.host}/app:v1`);
    const store = registryStore({ keychain: ada, retry });
    await store.write(image, [ref]);
    await registryStore({ retry }).write(image, [parseReference(`${elsewhere.host}/app:v1`)]);
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    const before = elsewhere.seen.length;
    registry.fail({
      method: "GET",
      path: new RegExp(layer),
      action: { kind: "redirect", to: `http://${elsewhere.host}/v2/app/blobs/${layer}` },
    });
    const [first] = (await (await store.resolve(ref))?.layers()) ?? [];
    let size = 0;
    for await (const chunk of first?.compressed() ?? []) size += chunk.length;
    expect(size).toBe((await first?.descriptor())?.size);
    const led = elsewhere.seen.slice(before);
    expect(led).toHaveLength(1);
    expect(led.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test("do not go to an upload location on another host", async () => {
    const elsewhere = await start();
    const registry = await start({ auth: { kind: "basic", username: "ada", password: secret } });
    registry.fail({
      method: "POST",
      path: /uploads/,
      times: 9,
      action: {
        kind: "status",
        status: 202,
        headers: { location: `http://${elsewhere.host}/v2/app/blobs/uploads/there?session=1` },
      },
    });
    const write = registryStore({ keychain: ada, retry }).write(image, [parseReference(`${registry.host}/app:v1`)]);
    await expect(write).rejects.toMatchObject({ code: "REGISTRY_ERROR" });
    expect(elsewhere.count("PUT", /session=1/)).toBeGreaterThan(0);
    expect(elsewhere.seen.some(({ authorization }) => authorization !== undefined)).toBe(false);
  });

  test("are not asked for by a challenge of a host that we were led to", async () => {
    const elsewhere = await start({ auth });
    const registry = await start({ auth: { kind: "basic", username: "ada", password: secret } });
    registry.fail({
      method: "GET",
      path: /manifests/,
      action: { kind: "redirect", to: `http://${elsewhere.host}/v2/app/manifests/v1` },
    });
    const read = registryStore({ keychain: ada, retry }).resolve(parseReference(`${registry.host}/app:v1`));
    await expect(read).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(elsewhere.count("GET", /token/)).toBe(0);
    expect(elsewhere.seen.some(({ authorization }) => authorization !== undefined)).toBe(false);
  });

  test("and queries are not in the log", async () => {
    const registry = await start({ auth });
    const lines: string[] = [];
    const logger = { ...silentLogger, debug: (line: string) => void lines.push(line) };
    await registryStore({ keychain: ada, retry, logger }).write(image, [parseReference(`${registry.host}/app:v1`)]);
    expect(lines.some((line) => /^PUT http:\/\/127\.0\.0\.1:\d+\/v2\/app\/manifests\/v1 201 /.test(line))).toBe(true);
    expect(lines.join("\n")).not.toMatch(/token-|Basic|Bearer|geheim|scope=|digest=/);
  });
});
