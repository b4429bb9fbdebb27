import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { archiveModules } from "../../../lifecycle/platform/buildpacks/archive-module.ts";
import { writeCnbFile } from "../../../lifecycle/platform/buildpacks/cnb-file.ts";
import { directoryModule } from "../../../lifecycle/platform/buildpacks/directory-module.ts";
import { loadModules } from "../../../lifecycle/platform/buildpacks/load-modules.ts";
import { allOf, moduleName, type ModuleSet } from "../../../lifecycle/platform/buildpacks/module.ts";
import { packageImage } from "../../../lifecycle/platform/buildpacks/package-image.ts";
import { packageModules } from "../../../lifecycle/platform/buildpacks/package-module.ts";
import { moduleDirectory, removeHalfUnpacked } from "../../../lifecycle/platform/buildpacks/unpacked.ts";
import { mutate, setLabels } from "../../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { component, composite, ctx, portsIn, scratch, tree } from "./module-fixture.ts";

const directory = scratch("packages");
const ports = await portsIn(directory);
const platform = { os: "linux", architecture: "amd64" };
const scope = { baseDir: directory, known: [], source: "--buildpack" };
const load = (path: string): Promise<ModuleSet> => loadModules({ kind: "path", path }, "buildpack", scope, ports);
const namesOf = (set: ModuleSet): readonly string[] => allOf(set).map(({ descriptor }) => moduleName(descriptor));

const one = tree(join(directory, "one"), component("a/one", "1.0"));
tree(join(directory, "two"), component("a/two", "2.0", '[[stacks]]\nid = "x"\nmixins = ["m"]\n'));
const both = tree(join(directory, "both"), {
  ...composite("a/both", "3.0", ["a/one@1.0", "a/two@2.0"]),
  "package.toml": '[buildpack]\nuri = "."\n[[dependencies]]\nuri = "../one"\n[[dependencies]]\nuri = "../two"\n',
});

describe("a directory", () => {
  test("becomes a layer that a checkout's umask does not change, and a directory of its own", async () => {
    const before = await directoryModule(one, "buildpack", ports.blobs);
    execFileSync("chmod", ["-R", "go-rwx", one]);
    const after = await directoryModule(one, "buildpack", ports.blobs);
    expect(after.layer.diffId).toBe(before.layer.diffId);
    const unpacked = await moduleDirectory(after, ports);
    expect(readFileSync(join(unpacked, "bin/build"), "utf8")).toBe("#!/bin/sh\necho a/one\n");
    expect(statSync(join(unpacked, "bin/build")).mode & 0o777).toBe(0o755);
    expect(unpacked).toMatch(/\/cnb\/buildpacks\/a_one\/1\.0$/);
  });

  test("with a package.toml brings its dependencies along", async () => {
    expect(namesOf(await load(both))).toEqual(["a/both@3.0", "a/one@1.0", "a/two@2.0"]);
  });

  test.each([
    ["without programs", { "buildpack.toml": component("x", "1")["buildpack.toml"] ?? "" }, "INVALID_BUILDPACK"],
    [
      "of an extension",
      { "extension.toml": 'api = "0.10"\n[extension]\nid = "e"\nversion = "1"\n' },
      "INVALID_BUILDPACK",
    ],
    ["of something else", { "README.md": "" }, "INVALID_BUILDPACK"],
  ])("%s is refused", async (name, files, code) => {
    const path = tree(join(directory, name.replaceAll(" ", "-")), files);
    await expect(load(path)).rejects.toMatchObject({ code });
  });
});

describe("a package", () => {
  test("written as a .cnb file is read back with the same layers", async () => {
    const set = await load(both);
    const file = join(directory, "both.cnb");
    await writeCnbFile(file, packageImage({ ...set, platform }), ctx);
    const fresh = await portsIn(join(directory, "fresh"));
    const back = await archiveModules(file, file, "buildpack", fresh);
    expect(namesOf(back)).toEqual(["a/both@3.0", "a/one@1.0", "a/two@2.0"]);
    const ids = (from: ModuleSet): readonly string[] => allOf(from).map(({ layer }) => layer.diffId);
    expect(ids(back)).toEqual(ids(set));
    expect(statSync(join(await moduleDirectory(back.main, fresh), "buildpack.toml")).isFile()).toBe(true);
  });

  test("of the same content has the same bytes", async () => {
    const hashes: string[] = [];
    for (const name of ["first.cnb", "second.cnb"]) {
      await writeCnbFile(join(directory, name), packageImage({ ...(await load(both)), platform }), ctx);
      hashes.push(
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      );
    }
    expect(hashes[0]).toBe(hashes[1]);
  });

  test("says in labels what platforms of the ecosystem read", async () => {
    const image = packageImage({ ...(await load(both)), platform, labels: { mine: "yes" } });
    const labels = (await image.config()).value.config?.Labels ?? {};
    expect(JSON.parse(labels["io.buildpacks.buildpackage.metadata"] ?? "")).toEqual({
      id: "a/both",
      version: "3.0",
      stacks: [{ id: "x", mixins: ["m"] }],
    });
    const layers = JSON.parse(labels["io.buildpacks.buildpack.layers"] ?? "") as Record<
      string,
      Record<string, { readonly layerDiffID: string }>
    >;
    expect(layers["a/both"]?.["3.0"]).toMatchObject({
      api: "0.10",
      order: [
        {
          group: [
            { id: "a/one", version: "1.0" },
            { id: "a/two", version: "2.0" },
          ],
        },
      ],
    });
    expect(layers["a/two"]?.["2.0"]).toMatchObject({ stacks: [{ id: "x", mixins: ["m"] }], name: "N a/two" });
    const diffIds = (await image.config()).value.rootfs.diff_ids;
    expect(diffIds).toContain(layers["a/one"]?.["1.0"]?.layerDiffID);
    expect(labels["mine"]).toBe("yes");
  });

  test("in a store is found by its name", async () => {
    const ref = parseReference("packages.example/both:1");
    await ports.images.write(packageImage({ ...(await load(both)), platform }), [ref]);
    const set = await loadModules({ kind: "image", ref, guessed: false }, "buildpack", scope, ports);
    expect(namesOf(set)).toEqual(["a/both@3.0", "a/one@1.0", "a/two@2.0"]);
  });

  test("without what its order names is not made", async () => {
    const { main } = await load(both);
    expect(() => packageImage({ main, dependencies: [], platform })).toThrow(
      expect.objectContaining({ code: "INVALID_ORDER" }) as Error,
    );
  });

  test("with a dependency that nothing names is not made", async () => {
    const main = (await load(one)).main;
    const dependencies = [(await load(join(directory, "two"))).main];
    expect(() => packageImage({ main, dependencies, platform })).toThrow(
      expect.objectContaining({ code: "INVALID_BUILDPACK" }) as Error,
    );
  });

  test.each([
    ["whose label names another buildpack than the layer has", "a/other", "INVALID_BUILDPACK"],
    ["whose label leads out of the layer", "../../etc", "INVALID_BUILDPACK"],
  ])("%s is refused", async (_, id, code) => {
    const image = packageImage({ ...(await load(one)), platform });
    const labels = (await image.config()).value.config?.Labels ?? {};
    const lying = Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [name, value.replaceAll('"a/one"', JSON.stringify(id))]),
    );
    const changed = mutate(image, setLabels(lying));
    await expect(packageModules(changed, "p", "buildpack", ports)).rejects.toMatchObject({ code });
  });

  test("asked for as an extension is refused", async () => {
    const image = packageImage({ ...(await load(one)), platform });
    await expect(packageModules(image, "p", "extension", ports)).rejects.toMatchObject({ code: "INVALID_BUILDPACK" });
  });
});

describe("what a killed tspack left", () => {
  test("is removed after two days, and nothing else", async () => {
    const left = tree(join(directory, "left"), { ".archive-x/deep/file": "", ".new-y/file": "", "kept/file": "" });
    await removeHalfUnpacked(left, new Date());
    expect(readdirSync(left).sort()).toEqual([".archive-x", ".new-y", "kept"]);
    await removeHalfUnpacked(left, new Date(Date.now() + 49 * 60 * 60 * 1000));
    expect(readdirSync(left)).toEqual(["kept"]);
    await removeHalfUnpacked(join(directory, "nowhere"), new Date());
  });
});

describe("an archive", () => {
  test.each([
    ["at its top", one, "."],
    ["in its only directory", directory, "one"],
  ])("with a buildpack %s is taken", async (name, from, what) => {
    const file = join(directory, `${name.replaceAll(" ", "-")}.tgz`);
    execFileSync("tar", ["-czf", file, "-C", from, what]);
    expect(namesOf(await load(file))).toEqual(["a/one@1.0"]);
  });

  test.each([
    ["a web page", Buffer.from("<html>".repeat(200))],
    ["nothing", Buffer.alloc(0)],
    ["gzip data that is damaged", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3])],
  ])("that is %s is refused", async (name, bytes) => {
    const file = join(directory, `${name.replaceAll(" ", "-")}.bin`);
    writeFileSync(file, bytes);
    await expect(load(file)).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_(BUILDPACK|IMAGE)/) as string,
    });
  });

  test("whose buildpack.toml is a link to a file of this machine is refused", async () => {
    const trap = tree(join(directory, "trap"), component("a/trap", "1"));
    execFileSync("ln", ["-sf", join(one, "buildpack.toml"), join(trap, "buildpack.toml")]);
    const file = join(directory, "trap.tgz");
    execFileSync("tar", ["-czf", file, "-C", trap, "."]);
    await expect(load(file)).rejects.toMatchObject({ code: "INVALID_BUILDPACK" });
  });

  test("that leads out of its directory is refused", async () => {
    const file = join(directory, "traversal.tar");
    execFileSync("tar", ["-cf", file, "-P", "--transform", "s,^,../../,", "-C", one, "buildpack.toml"]);
    await expect(load(file)).rejects.toMatchObject({ code: "INVALID_TAR" });
  });
});
