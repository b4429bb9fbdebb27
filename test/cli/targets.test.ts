import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { mutate, setEnv } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { readTar } from "../../lifecycle/oci/tar/unpack.ts";
import { publishImages } from "../../lifecycle/platform/output/write-images.ts";
import { readLayout } from "../../lifecycle/stores/layout/read-layout.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { machinePlatform } from "../../lifecycle/stores/stored-image.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { ctx, tree } from "../platform/buildpacks/module-fixture.ts";
import { execFileSync } from "node:child_process";

let line: CommandLine;
let registry: FakeRegistry;
const registries = registryStore();
const at = (name: string): string => join(line.directory, "work", name);
const own = machinePlatform().architecture;
const architectures = ["amd64", "arm64"] as const;

const descriptor = `api = "0.10"
[buildpack]
id = "a/several"
version = "1.0"
[[targets]]
os = "linux"
arch = "amd64"
[[targets]]
os = "linux"
arch = "arm64"
[[targets.distros]]
name = "debian"
version = "12"
`;

beforeAll(async () => {
  line = commandLine();
  registry = await startFakeRegistry();
  tree(at("several"), {
    "buildpack.toml": descriptor,
    "README.md": "not for any platform",
    "linux/amd64/bin/detect": "#!/bin/sh\n",
    "linux/amd64/bin/build": "#!/bin/sh\necho amd64\n",
    "linux/amd64/buildpack.toml": "stale",
    "linux/arm64/bin/detect": "#!/bin/sh\n",
    "linux/arm64/bin/build": "#!/bin/sh\necho arm64\n",
  });
});
afterAll(async () => {
  line.remove();
  await registry.close();
});

async function inRegistry(name: string, architecture: string): Promise<Image> {
  const image = await registries.resolve(parseReference(`${registry.host}/${name}`), {
    platform: { os: "linux", architecture },
  });
  if (image === undefined) throw new Error(`there is no ${name}`);
  return image;
}

/** Small files of a layer below `/cnb/buildpacks/a_several/1.0`. */
async function filesOf(image: Image | undefined): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for (const layer of (await image?.layers()) ?? [])
    for await (const entry of readTar(layer.uncompressed())) {
      const [, name] = /a_several\/1\.0\/(.+)$/.exec(Buffer.from(entry.header.name).toString()) ?? [];
      if (name === undefined || entry.header.type !== "file") continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.content()) chunks.push(chunk);
      files[name] = Buffer.concat(chunks).toString();
    }
  return files;
}

const contentFor = (architecture: string): Readonly<Record<string, string>> => ({
  "buildpack.toml": descriptor,
  "bin/detect": "#!/bin/sh\n",
  "bin/build": `#!/bin/sh\necho ${architecture}\n`,
});

describe("a buildpack with a directory per platform", () => {
  test("is published as an index, each image with the programs of its platform", async () => {
    const args = ["buildpack", "package", `${registry.host}/several:1`, "--path", "several", "--publish", "--json"];
    const made = JSON.parse(await line.succeed(...args, "--tag", `${registry.host}/other:2`)) as {
      readonly digest: string;
      readonly images: readonly { readonly platform: string; readonly digest: string }[];
    };
    expect(made.images.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    for (const name of ["several:1", "other:2"]) {
      const index = await registries.readIndex(parseReference(`${registry.host}/${name}`));
      expect(index?.digest).toBe(made.digest);
      expect(index?.value.manifests).toMatchObject(
        made.images.map(({ digest }, nth) => ({
          digest,
          platform: { os: "linux", architecture: architectures[nth] },
        })),
      );
      for (const architecture of architectures)
        expect(await filesOf(await inRegistry(name, architecture))).toEqual(contentFor(architecture));
    }
  });

  test("is kept here for this machine, and named for others by --target", async () => {
    await line.succeed("buildpack", "package", "several:own", "--path", "several");
    expect(await filesOf(await line.local.resolve(parseReference("several:own")))).toEqual(contentFor(own));
    await line.succeed("buildpack", "package", "several:arm", "--path", "several", "--target", "linux/arm64/v8");
    const other = await line.local.resolve(parseReference("several:arm"), {
      platform: { os: "linux", architecture: "arm64", variant: "v8" },
    });
    expect(await filesOf(other)).toEqual(contentFor("arm64"));
  });

  test("becomes a .cnb file for each platform, named after it", async () => {
    await line.succeed("buildpack", "package", "file.cnb", "--path", "several", "--format", "file");
    expect(existsSync(at("file.cnb"))).toBe(false);
    for (const architecture of architectures) {
      const folder = at(`unpacked-${architecture}`);
      tree(folder, { mark: "" });
      execFileSync("tar", ["-xf", at(`file-linux-${architecture}.cnb`), "-C", folder]);
      expect(await filesOf(await readLayout(folder))).toEqual(contentFor(architecture));
    }
  });

  test("without programs for a platform is refused for it", async () => {
    const args = ["buildpack", "package", "several:s390x", "--path", "several", "--target", "linux/s390x"];
    const { code, stderr } = await line.run(...args);
    expect(code).not.toBe(0);
    expect(stderr).toContain("bin/detect of a/several is missing");
  });
});

describe("a builder for several targets", () => {
  beforeAll(async () => {
    const bases = architectures.map((architecture, seed) => ({
      platform: { os: "linux", architecture },
      image: mutate(
        testImage({ layers: [tarOfNoise(100, seed)], architecture }),
        setEnv([
          ["CNB_USER_ID", "1000"],
          ["CNB_GROUP_ID", "1000"],
        ]),
      ),
    }));
    const [first, ...others] = bases;
    if (first === undefined) throw new Error("no base");
    await publishImages([first, ...others], [parseReference(`${registry.host}/base`)], { registries, ctx });
    tree(at("builder"), {
      "builder.toml": `[build]
image = "${registry.host}/base"
[[run.images]]
image = "${registry.host}/run"
[lifecycle]
uri = "lifecycle"
[[buildpacks]]
uri = "docker://${registry.host}/several:1"
[[order]]
[[order.group]]
id = "a/several"
version = "1.0"
[[targets]]
os = "linux"
arch = "amd64"
[[targets]]
os = "linux"
arch = "arm64"
`,
      "lifecycle/lifecycle.toml":
        '[apis.platform]\nsupported = ["0.12"]\n[apis.buildpack]\nsupported = ["0.10"]\n[lifecycle]\nversion = "1.2.3"\n',
      "lifecycle/lifecycle/detector": "",
      "lifecycle/lifecycle/builder": "",
      "lifecycle/lifecycle/launcher": "",
    });
  });
  const create = (name: string, ...args: readonly string[]): Promise<string> =>
    line.succeed("builder", "create", `${registry.host}/${name}`, "--config", "builder/builder.toml", ...args);

  test("is published as an index of the base and the buildpack of each", async () => {
    await create("builders/two", "--publish");
    const index = await registries.readIndex(parseReference(`${registry.host}/builders/two`));
    expect(index?.value.manifests.map(({ platform }) => platform?.architecture)).toEqual([...architectures]);
    for (const architecture of architectures) {
      const image = await inRegistry("builders/two", architecture);
      expect((await image.config()).value.architecture).toBe(architecture);
      expect(await filesOf(image)).toEqual(contentFor(architecture));
    }
  });

  test("is kept here for this machine; --target replaces the targets of the file", async () => {
    await create("builders/here");
    expect(await filesOf(await line.local.resolve(parseReference(`${registry.host}/builders/here`)))).toEqual(
      contentFor(own),
    );
    await create("builders/arm", "--publish", "--target", "linux/arm64");
    expect(await registries.readIndex(parseReference(`${registry.host}/builders/arm`))).toBeUndefined();
    expect(await filesOf(await inRegistry("builders/arm", "arm64"))).toEqual(contentFor("arm64"));
  });
});
