import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Index } from "../../lifecycle/oci/manifest.ts";
import { dockerTypes, ociTypes } from "../../lifecycle/oci/media-type.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore, type RegistryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { type DockerRegistry, isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";

const missing = ["docker-registry", "skopeo"].filter((program) => !isInstalled(program));
if (missing.length > 0 && process.env["CI"] !== undefined) throw new Error(`CI needs ${missing.join(", ")}`);
const note = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

const amd64 = testImage({ layers: [tarOfNoise(100, 1)] });
const arm64 = testImage({ layers: [tarOfNoise(100, 2)], architecture: "arm64" });

describe.skipIf(missing.length > 0)(`manifest${note}`, () => {
  let line: CommandLine;
  let registry: DockerRegistry;
  let store: RegistryStore;
  const name = (path: string): string => `${registry.host}/${path}`;
  const skopeo = (path: string, ...args: readonly string[]): string =>
    execFileSync("skopeo", ["inspect", "--tls-verify=false", ...args, `docker://${name(path)}`], { encoding: "utf8" });
  const lists = (): readonly string[] => readdirSync(join(line.directory, "home/data/manifests"));

  beforeAll(async () => {
    line = commandLine();
    registry = await startDockerRegistry();
    store = registryStore();
    await store.write(amd64, [parseReference(name("one:amd64")), parseReference(name("app:amd64"))]);
    await store.write(arm64, [parseReference(name("two:arm64")), parseReference(name("app:arm64"))]);
  });
  afterAll(async () => {
    line.remove();
    await registry.close();
  });

  test("a list of images of other repositories is pushed with them, and each platform finds its own", async () => {
    await line.succeed("manifest", "create", name("app:1"), name("one:amd64"));
    await line.succeed("manifest", "add", name("app:1"), name("two:arm64"));
    const pushed = await line.succeed("manifest", "push", name("app:1"));
    const raw = JSON.parse(skopeo("app:1", "--raw")) as Index;
    expect(raw).toMatchObject({
      mediaType: ociTypes.index,
      manifests: [
        { digest: (await amd64.manifest()).digest, platform: { os: "linux", architecture: "amd64" } },
        { digest: (await arm64.manifest()).digest, platform: { os: "linux", architecture: "arm64" } },
      ],
    });
    expect(pushed).toContain((await store.readIndex(parseReference(name("app:1"))))?.digest ?? "nothing");
    for (const architecture of ["amd64", "arm64"]) {
      const config = execFileSync(
        "skopeo",
        ["--override-arch", architecture, "inspect", "--tls-verify=false", "--config", `docker://${name("app:1")}`],
        { encoding: "utf8" },
      );
      expect(JSON.parse(config)).toMatchObject({ architecture });
    }
    expect(JSON.parse(await line.succeed("manifest", "inspect", name("app:1")))).toEqual(raw);
    expect(lists()).toContain(`${encodeURIComponent(name("app:1"))}.json`);
  });

  test("--publish keeps nothing here, and --format docker makes Docker's list", async () => {
    const images = [name("one:amd64"), name("two:arm64")];
    await line.succeed("manifest", "create", name("at-once"), ...images, "--publish", "--format", "docker");
    expect(JSON.parse(skopeo("at-once", "--raw"))).toMatchObject({ mediaType: dockerTypes.index });
    expect(JSON.parse(await line.succeed("manifest", "inspect", name("at-once")))).toMatchObject({
      manifests: [{}, {}],
    });
    expect(lists()).not.toContain(`${encodeURIComponent(name("at-once:latest"))}.json`);
  });

  test("takes all images of an index, and one of the local store", async () => {
    const local = testImage({ layers: [tarOfNoise(100, 3)], architecture: "riscv64" });
    await line.local.write(local, [parseReference(name("local:riscv"))]);
    await line.succeed("manifest", "create", name("mixed"), name("at-once"), name("local:riscv"));
    await line.succeed("manifest", "push", name("mixed"), "--purge");
    const { manifests } = JSON.parse(skopeo("mixed", "--raw")) as Index;
    expect(manifests.map(({ platform }) => platform?.architecture)).toEqual(["amd64", "arm64", "riscv64"]);
    expect(await store.resolve(parseReference(`${name("mixed")}@${(await local.manifest()).digest}`))).toBeDefined();
    expect(lists()).not.toContain(`${encodeURIComponent(name("mixed:latest"))}.json`);
  });

  test("what is annotated is in the index", async () => {
    const list = name("noted");
    await line.succeed("manifest", "create", list, name("app:amd64"), name("app:arm64"));
    const changes = ["--variant", "v8", "--annotations", "a=1,b=x=y", "--annotations", "c=2"];
    await line.succeed("manifest", "annotate", list, name("app:arm64"), ...changes);
    await line.succeed(
      "manifest",
      "annotate",
      list,
      (await amd64.manifest()).digest,
      "--os",
      "freebsd",
      "--arch",
      "386",
    );
    await line.succeed("manifest", "push", list);
    const { manifests } = JSON.parse(skopeo("noted", "--raw")) as Index;
    expect(manifests).toMatchObject([
      { platform: { os: "freebsd", architecture: "386" } },
      { platform: { os: "linux", architecture: "arm64", variant: "v8" }, annotations: { a: "1", b: "x=y", c: "2" } },
    ]);
    const refused = await line.run("manifest", "push", list, "--format", "docker");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("no annotations");
  });

  test("remove takes an image out, rm forgets lists", async () => {
    const list = name("going");
    await line.succeed("manifest", "create", list, name("app:amd64"), name("app:arm64"));
    await line.succeed("manifest", "remove", list, `${name("app")}@${(await arm64.manifest()).digest}`);
    expect((JSON.parse(await line.succeed("manifest", "inspect", list)) as Index).manifests).toHaveLength(1);
    const ran = await line.run("manifest", "rm", list, name("never"));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(name("never"));
    expect((await line.run("manifest", "push", list)).stderr).toContain("error IMAGE_NOT_FOUND");
  });

  test("several processes add to a list, and nothing is lost", async () => {
    const list = name("busy");
    await line.succeed("manifest", "create", list, name("app:amd64"));
    await Promise.all(
      [name("app:arm64"), name("local:riscv")].map((image) => line.succeed("manifest", "add", list, image)),
    );
    expect((JSON.parse(await line.succeed("manifest", "inspect", list)) as Index).manifests).toHaveLength(3);
  });

  test("an index stays as it is when a rebase of its images fails, and one in a file is refused", async () => {
    const before = skopeo("app:1", "--raw");
    const ran = await line.run("rebase", "--publish", name("app:1"));
    expect(ran.code).toBe(72);
    // No lifecycle made these images, so nobody knows their run image.
    expect(ran.stderr).toMatch(/^error REBASE_FAILED: linux\/(?:amd|arm)64: /m);
    expect(skopeo("app:1", "--raw")).toBe(before);
    for (const [kind, refusal] of [
      ["oci", /^error REBASE_FAILED: linux\/(?:amd|arm)64: /m],
      ["oci-archive", /index of images for several platforms/],
    ] as const) {
      const place = `${kind}:${join(line.directory, `index-${kind}`)}`;
      const from = ["--src-tls-verify=false", `docker://${name("app:1")}`];
      execFileSync("skopeo", ["--insecure-policy", "copy", "--all", ...from, place], { stdio: "ignore" });
      expect((await line.run("rebase", place, "--plan")).stderr).toMatch(refusal);
      expect((await line.run("inspect", place)).code).toBe(0);
    }
  });

  test.each([
    ["a list that is there", ["create", "app:1", "app:amd64"], 3, "there is a manifest list"],
    ["an image that is not there", ["create", "new", "app:none"], 1, "IMAGE_NOT_FOUND"],
    ["no image", ["create", "new"], 2, "missing required argument"],
    ["a list that is not there", ["add", "new", "app:amd64"], 1, "tspack manifest create"],
    ["an image that is not in the list", ["annotate", "app:1", "app:amd65", "--os", "linux"], 1, "name one of"],
    ["two images for one platform", ["push", "twins"], 3, "another platform than"],
  ] as const)("%s is refused", async (_what, [command, ...given], code, says) => {
    if (given[0] === "twins")
      await line.succeed("manifest", "create", name("twins"), name("app:amd64"), name("app:arm64"));
    if (given[0] === "twins")
      await line.succeed("manifest", "annotate", name("twins"), name("app:arm64"), "--arch", "amd64");
    const options = given.findIndex((text) => text.startsWith("--"));
    const args = given.map((text, index) => (options !== -1 && index >= options ? text : name(text)));
    const ran = await line.run("manifest", command, ...args);
    expect(ran.stderr).toContain(says);
    expect(ran.code).toBe(code);
  });

  test.each([
    [["create", "a", "b", "--insecure"], 3, "--publish beside it"],
    [["create", "a", "b", "--format", "tar"], 2, "Allowed choices"],
    [["annotate", "a", "b"], 3, "nothing is to be changed"],
    [["annotate", "a", "b", "--arch", "ARM 64"], 3, "--arch"],
    [["annotate", "a", "b", "--annotations", "novalue"], 3, "NAME=VALUE"],
    [["push", `a@sha256:${"0".repeat(64)}`], 3, "gets its digest from its content"],
  ] as const)("%j is refused", async (args, code, says) => {
    const ran = await line.run("manifest", ...args);
    expect(ran.stderr).toContain(says);
    expect(ran.code).toBe(code);
  });

  test("a file that was damaged is named", async () => {
    const path = join(line.directory, "home/data/manifests", `${encodeURIComponent(name("broken:latest"))}.json`);
    writeFileSync(path, "{");
    const ran = await line.run("manifest", "inspect", name("broken"));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(path);
  });
});
