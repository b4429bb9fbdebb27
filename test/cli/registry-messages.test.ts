import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type HttpProxy, startHttpProxy } from "../fakes/http-proxy.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { runPhase } from "./run-phase.ts";

// Words and exit codes of registries that platforms and their tests match on.
let builder: Fixture;
let registry: FakeRegistry;
let proxy: HttpProxy;

beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  proxy = await startHttpProxy(registry.host);
  for (const name of ["run", "build"]) {
    await registryStore().write(testImage({ layers: [tarOfNoise(600, 3)] }), [
      parseReference(`${registry.host}/${name}:v1`),
    ]);
  }
  for (const name of ["kaniko", "home"]) mkdirSync(join(builder.dir, name));
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
  builder.add({ id: "a" });
});
afterEach(async () => {
  await proxy.close();
  await registry.close();
  builder.remove();
});

describe("a -tag that may be read but not be written", () => {
  test.each([
    ["analyzer", 32],
    ["creator", 32],
  ])("ends the %s with %i before anything else is done, whichever tag it is", async (phase, code) => {
    for (const place of [0, 1, 2]) {
      const names = ["app", "more", "other"].map((name) => `${registry.host}/team/${name}:v1`);
      const [denied = ""] = names.splice(place, 1);
      const repository = denied.slice(registry.host.length + 1).replace(":v1", "");
      const action = { kind: "status", status: 403, code: "DENIED" } as const;
      registry.fail({ method: "POST", path: new RegExp(`^/v2/${repository}/blobs/uploads`), action });
      const [image = "", ...tags] = names.toSpliced(place, 0, denied);
      const flags = ["-run-image", `${registry.host}/run:v1`, ...tags.flatMap((tag) => ["-tag", tag])];
      const ended = await runPhase(builder, phase, [...flags, image]);
      expect(ended.output).toContain(
        `failed to initialize analyzer: validating registry write access: failed to ensure registry read/write access to ${denied}: `,
      );
      expect(ended.output).not.toContain("DETECTING");
      expect(ended.code).toBe(code);
    }
    expect(existsSync(join(builder.dir, "layers/group.toml"))).toBe(false);
    expect(registry.count("PUT", /team/)).toBe(0);
  });
});

describe("an insecure registry and -build-image", () => {
  const extended = (): void => {
    builder.write(
      "layers/group.toml",
      '[[group]]\nid = "a"\nversion = "1.0.0"\napi = "0.10"\n[[group-extensions]]\nid = "x"\nversion = "1.0.0"\napi = "0.10"\n',
    );
    builder.write("layers/analyzed.toml", "");
  };
  const closed = "http://127.0.0.1:1";

  test.each(["registry.test:80", "registry.test:80/bar"])(
    "that is not there (%s) ends the restorer with 1 and the plain address",
    async (insecure) => {
      extended();
      const env = { CNB_INSECURE_REGISTRIES: insecure, HTTPS_PROXY: closed, HTTP_PROXY: closed };
      const ended = await runPhase(builder, "restorer", ["-build-image", "registry.test:80/bar:v1"], { env });
      expect(ended.output).toContain("http://registry.test:80/v2/");
      expect(ended.code).toBe(1);
    },
  );

  test.each([
    ["registry.test:80", 0],
    ["registry.test:80/build", 0],
    ["registry.test:80/buil", 1],
    ["registry.test:80/other", 1],
    ["registry.test", 1],
  ])("listed as %s gives %i for registry.test:80/build", async (insecure, code) => {
    extended();
    const env = { HTTPS_PROXY: closed, HTTP_PROXY: proxy.url };
    const argv = ["-insecure-registry", insecure, "-build-image", "registry.test:80/build:v1"];
    const ended = await runPhase(builder, "restorer", argv, { env });
    expect([ended.code, ended.output]).toEqual([code, ended.output]);
    const kept = join(builder.dir, "kaniko/cache/base");
    expect(existsSync(kept) ? readdirSync(kept).length : 0).toBe(code === 0 ? 1 : 0);
    // Not one byte in the clear for a repository that nobody listed.
    expect(proxy.seen.length > 0).toBe(code === 0);
  });
});
