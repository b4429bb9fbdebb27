import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeOrder } from "../../../lifecycle/cnb/files/group.ts";
import { decodeSystem } from "../../../lifecycle/cnb/files/system.ts";
import { imageFromParts, memoryLayer } from "../../../lifecycle/oci/memory-image.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { type BuilderLifecycle, namedLifecycle } from "../../../lifecycle/platform/builder/builder-lifecycle.ts";
import { createBuilder, type CreateBuilderInputs } from "../../../lifecycle/platform/builder/create-builder.ts";
import { inspectBuilderImage } from "../../../lifecycle/platform/builder/inspect-builder.ts";
import { builderContents } from "../../../lifecycle/platform/buildpacks/contents.ts";
import { directoryModule } from "../../../lifecycle/platform/buildpacks/directory-module.ts";
import { unpackRootfs } from "../../../lifecycle/platform/rootfs.ts";
import { packEntries } from "../../../lifecycle/layers/pack-entries.ts";
import { readTomlFile } from "../../../lifecycle/phases/files.ts";
import { component, composite, ctx, portsIn, scratch, tree } from "../buildpacks/module-fixture.ts";

const directory = scratch("create-builder");
const ports = await portsIn(directory);
const platform = { os: "linux", architecture: "amd64" };
const lifecycleToml = `[lifecycle]
version = "9.8.7"
[apis.buildpack]
deprecated = ["0.7"]
supported = ["0.10"]
[apis.platform]
supported = ["0.12"]
`;
const lifecycleFiles = {
  "lifecycle.toml": lifecycleToml,
  "lifecycle/bin/deep": "not copied",
  "lifecycle/detector": "d",
  "lifecycle/builder": "b",
  "lifecycle/launcher": "l",
};

async function inputs(more: Partial<CreateBuilderInputs> = {}): Promise<CreateBuilderInputs> {
  const module = (
    name: string,
    files: Readonly<Record<string, string>>,
    kind: "buildpack" | "extension" = "buildpack",
  ) => directoryModule(tree(join(directory, name), files), kind, ports.blobs);
  const extension = { "extension.toml": 'api = "0.10"\n[extension]\nid = "e/one"\nversion = "1"\n' };
  const lifecycle = await namedLifecycle({ uri: "lifecycle" }, directory, platform, ports);
  return {
    description: "d",
    platform,
    buildImage: imageFromParts({
      format: "oci",
      layers: [memoryLayer(new Uint8Array(1024))],
      config: { ...platform, config: { Env: ["CNB_USER_ID=1000", "CNB_GROUP_ID=1001"] } },
    }),
    runImages: [{ image: "run", mirrors: ["m"] }],
    buildpacks: [
      await module("one", component("a/one", "1")),
      await module("all", composite("a/all", "2", ["a/one@1"])),
    ],
    extensions: [await module("ext", extension, "extension")],
    order: [{ group: [{ id: "a/all", version: "" }] }],
    orderExtensions: [{ group: [{ id: "e/one", version: "1", extension: true, optional: true }] }],
    system: { pre: [{ id: "a/one", version: "" }], post: [] },
    buildEnv: [
      { name: "A", value: "1", suffix: "", delim: undefined },
      { name: "P", value: "x", suffix: "prepend", delim: ":" },
    ],
    lifecycle: lifecycle as BuilderLifecycle,
    ...more,
  };
}

beforeAll(() => tree(join(directory, "lifecycle"), lifecycleFiles));

describe("a builder with everything", () => {
  let image: Image;
  let rootfs: string;
  beforeAll(async () => {
    image = await createBuilder(await inputs(), ports.blobs, ctx);
    // The base of this image is not a tar that could be unpacked.
    const parts = { format: "oci", layers: (await image.layers()).slice(1), config: platform } as const;
    rootfs = await unpackRootfs(imageFromParts(parts), join(directory, "rootfs"), "b", ctx);
  });

  test("has every file that lifecycles read", () => {
    const read = (path: string): string => readFileSync(join(rootfs, path), "utf8");
    expect(decodeOrder(readTomlFile(join(rootfs, "cnb/order.toml")))).toMatchObject({
      order: [{ group: [{ id: "a/all", version: "2" }] }],
      orderExtensions: [{ group: [{ id: "e/one", version: "1", extension: true }] }],
    });
    expect(decodeSystem(readTomlFile(join(rootfs, "cnb/system.toml")))).toEqual({
      pre: [{ id: "a/one", version: "1" }],
      post: [],
    });
    expect(read("cnb/build-config/env/A")).toBe("1");
    expect(read("cnb/build-config/env/P.prepend")).toBe("x");
    expect(read("cnb/build-config/env/P.delim")).toBe(":");
    expect(read("cnb/run.toml")).toContain('mirrors = ["m"]');
    expect(read("cnb/lifecycle/lifecycle.toml")).toBe(lifecycleToml);
    expect(read("cnb/lifecycle/detector")).toBe("d");
    // Platforms copy one flat folder.
    expect(existsSync(join(rootfs, "cnb/lifecycle/bin"))).toBe(false);
    expect(builderContents({ name: "b", rootfs })).toMatchObject({
      buildpacks: [{ id: "a/all" }, { id: "a/one" }],
      extensions: [{ id: "e/one", version: "1" }],
      hasSystem: true,
      buildpackApis: ["0.7", "0.10"],
    });
  });

  test("says the same in its labels", async () => {
    expect(await inspectBuilderImage(image, "b", undefined)).toMatchObject({
      lifecycle: { version: "9.8.7", buildpack_apis: { deprecated: ["0.7"], supported: ["0.10"] } },
      detection_order: [{ buildpacks: [{ id: "a/all", version: "2", buildpacks: [{ id: "a/one", version: "1" }] }] }],
      extensions: [{ id: "e/one", version: "1" }],
      order_extensions: [{ id: "e/one", version: "1" }],
    });
    const labels = (await image.config()).value.config?.Labels ?? {};
    expect(JSON.parse(labels["io.buildpacks.buildpack.system"] ?? "")).toEqual({
      pre: { buildpacks: [{ id: "a/one", version: "1" }] },
      post: {},
    });
    const layers = JSON.parse(labels["io.buildpacks.extension.layers"] ?? "") as object;
    expect(layers).toMatchObject({ "e/one": { "1": { api: "0.10" } } });
  });
});

describe("a builder is not made", () => {
  test.each<readonly [string, Partial<CreateBuilderInputs>, string]>([
    ["with an order of what is not there", { order: [{ group: [{ id: "a/al", version: "2" }] }] }, "INVALID_BUILDER"],
    [
      "with a system buildpack that is not there",
      { system: { pre: [{ id: "x", version: "" }], post: [] } },
      "INVALID_BUILDER",
    ],
    ["without the parts of a composite", { buildpacks: [], order: [] }, "INVALID_BUILDER"],
  ])("%s", async (_, more, code) => {
    await expect(createBuilder(await inputs(more), ports.blobs, ctx)).rejects.toMatchObject({ code });
  });

  test("with a buildpack whose API its lifecycle does not speak", async () => {
    const files = component("a/new", "1");
    const changed = { ...files, "buildpack.toml": (files["buildpack.toml"] ?? "").replace("0.10", "0.12") };
    const buildpacks = [await directoryModule(tree(join(directory, "new"), changed), "buildpack", ports.blobs)];
    const order = [{ group: [{ id: "a/new", version: "1" }] }];
    const more = { buildpacks, order, system: { pre: [], post: [] } };
    await expect(createBuilder(await inputs(more), ports.blobs, ctx)).rejects.toMatchObject({
      code: "BUILDPACK_API_UNSUPPORTED",
    });
  });
});

describe("a lifecycle", () => {
  const names = (lifecycle: BuilderLifecycle | undefined): readonly string[] =>
    (lifecycle?.entries ?? []).filter(({ type }) => type === "file").map(({ name }) => String(name));
  const expected = ["builder", "detector", "launcher", "lifecycle.toml"].map((name) => `/cnb/lifecycle/${name}`);

  test("of an archive is unpacked and described", async () => {
    execFileSync("tar", ["-czf", join(directory, "l.tgz"), "-C", join(directory, "lifecycle"), "."]);
    const lifecycle = await namedLifecycle({ uri: "l.tgz" }, directory, platform, ports);
    expect(lifecycle).toMatchObject({ version: "9.8.7", apis: { platform: { supported: ["0.12"] } } });
    expect(names(lifecycle)).toEqual(expected);
    await packEntries(lifecycle?.entries ?? [], ports.blobs);
  });

  test("of an image is that in /cnb/lifecycle", async () => {
    const entries = (await namedLifecycle({ uri: "lifecycle" }, directory, platform, ports))?.entries ?? [];
    const layer = await packEntries(entries, ports.blobs);
    const ref = parseReference("lifecycle.example/l:1");
    await ports.images.write(imageFromParts({ format: "oci", layers: [layer], config: platform }), [ref]);
    const lifecycle = await namedLifecycle({ uri: "docker://lifecycle.example/l:1" }, directory, platform, ports);
    expect(lifecycle?.version).toBe("9.8.7");
    expect(names(lifecycle)).toEqual(expected);
  });

  test("that nobody names, or of our own version, is ours", async () => {
    const { version } = await import("../../../lifecycle/distribution/version.ts");
    expect(await namedLifecycle(undefined, directory, platform, ports)).toBeUndefined();
    expect(await namedLifecycle({ version }, directory, platform, ports)).toBeUndefined();
  });

  test.each([
    ["is not there", "nowhere.tgz", {}, "FILE_NOT_FOUND"],
    ["has no programs", "empty", { "lifecycle.toml": lifecycleToml, "lifecycle/detector": "" }, "INVALID_BUILDER"],
    ["has no descriptor", "bare", { "lifecycle/detector": "" }, "INVALID_BUILDER"],
    ["is no lifecycle", "flat", { "lifecycle.toml": lifecycleToml }, "INVALID_BUILDER"],
  ])("that %s is refused", async (_, uri, files, code) => {
    if (Object.keys(files).length > 0) tree(join(directory, uri), files);
    await expect(namedLifecycle({ uri }, directory, platform, ports)).rejects.toMatchObject({ code });
  });
});
