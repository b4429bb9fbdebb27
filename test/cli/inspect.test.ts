import { existsSync, readFileSync, symlinkSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseToml } from "../../lifecycle/toml.ts";
import { encodeHeader, paddingAfter } from "../../lifecycle/oci/tar/header.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { archiveSink } from "../../lifecycle/platform/archives/archive-sink.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { registryStore, type RegistryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { testImage, tarOfNoise } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

let line: CommandLine;
let registry: FakeRegistry;
let store: RegistryStore;
let reference = "";
const base = runImage(1);
const newBase = runImage(11);
const sbomFile = "/layers/sbom/launch/a_node/sbom.cdx.json";

const name = (path: string): string => `${registry.host}/${path}`;
const ref = (path: string) => parseReference(name(path));

beforeAll(async () => {
  line = commandLine();
  registry = await startFakeRegistry();
  store = registryStore();
  reference = `${name("run")}@${(await base.manifest()).digest}`;
  await store.write(base, [ref("run:1")]);
  const settings = { base, runImage: name("run:1"), mirrors: ["mirror.localhost/run:1"] };
  const one = await appImage({ ...settings, sbom: tarOf(sbomFile, '{"bomFormat":"CycloneDX"}') });
  await store.write(one, [ref("app"), ref("both"), ref("only-there")]);
  await line.local.write(one, [ref("same")]);
  await store.write(one, [ref("same")]);
  const labels = { "io.buildpacks.stack.id": "example.stacks.one", "io.buildpacks.rebasable": "false" };
  await line.local.write(await appImage({ ...settings, seed: 7, labels }), [ref("both"), ref("only-here")]);
});
afterAll(async () => {
  line.remove();
  await registry.close();
});

describe("inspect", () => {
  test.each([[["inspect"]], [["inspect", "--json"]], [["sbom", "download"]]])(
    "%j of an image that is not here says so when its registry does not answer",
    async (words) => {
      const { code, stderr } = await line.run(...words, "127.0.0.1:1/absent");
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^error REGISTRY_UNREACHABLE: there is no image 127\.0\.0\.1:1\/absent in the local store/,
      );
      expect(stderr).toContain("hint: tspack images list");
    },
  );

  test("shows what labels of strangers have in them without acting on it", async () => {
    const build = JSON.stringify({
      processes: [{ type: "web", command: ["\u001B[2J\u001B]0;hi\u0007"], direct: true }],
    });
    const labels = { "io.buildpacks.build.metadata": build, "io.buildpacks.stack.id": "\u009B2J" };
    const image = await appImage({ base, runImage: name("run:1"), seed: 70, labels });
    await line.local.write(image, [ref("stranger")]);
    const text = await line.succeed("inspect", name("stranger"));
    expect(text).toContain("web (default): \\x1b[2J\\x1b]0;hi\\x07\n");
    expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
  });

  test.each(["json", "yaml", "toml"] as const)(
    "--output %s has the form of the ecosystem, with both sides",
    async (format) => {
      const text = await line.succeed("inspect", name("both"), "--output", format);
      const top = (await base.config()).value.rootfs.diff_ids[1];
      if (format === "yaml") {
        expect(text).toContain(`remote_info:\n  stack: ""\n  base_image:\n    top_layer: "${top}"\n`);
        expect(text).toContain("local_info:\n  stack: example.stacks.one\n");
        expect(text).toContain('    args:\n    - server.js\n    - "--port"\n    - "8080"\n');
        return;
      }
      const found = (format === "json" ? JSON.parse(text) : parseToml(Buffer.from(text), "output").table) as Record<
        string,
        Record<string, unknown>
      >;
      expect(found["image_name"]).toBe(name("both"));
      expect(found["remote_info"]).toEqual({
        stack: "",
        base_image: { top_layer: top, reference, stale: false },
        run_images: [{ name: name("run:1") }, { name: "mirror.localhost/run:1" }],
        buildpacks: [{ id: "a/node", version: "1.2.3", homepage: "https://node.example.com" }],
        ...(format === "json" ? { extensions: null } : {}),
        processes: [
          {
            type: "web",
            shell: "",
            command: "node",
            default: true,
            args: ["server.js", "--port", "8080"],
            "working-dir": "/workspace",
          },
          {
            type: "task",
            shell: "",
            command: "echo",
            default: false,
            ...(format === "json" ? { args: null } : {}),
            "working-dir": "/workspace",
          },
        ],
        rebasable: true,
      });
      expect(found["local_info"]).toMatchObject({ stack: "example.stacks.one", rebasable: false });
    },
  );

  test("tells one image once when both stores have the same, and two when they differ", async () => {
    const same = await line.succeed("inspect", name("same"));
    expect(same).toMatch(/^where +here, and the same in its registry$/m);
    expect(same.match(/^digest /gm)).toHaveLength(1);
    const both = await line.succeed("inspect", name("both"));
    expect(both).toMatch(/^REMOTE\nimage /);
    expect(both).toMatch(/\n\nLOCAL\nimage /);
    expect(both).toMatch(/\(not rebasable\)$/m);
  });

  test("says where a side is missing", async () => {
    const there = JSON.parse(await line.succeed("inspect", name("only-there"), "-o", "json")) as object;
    expect(there).toMatchObject({ local_info: null, remote_info: { rebasable: true } });
    const here = JSON.parse(await line.succeed("inspect", name("only-here"), "-o", "json")) as object;
    expect(here).toMatchObject({ remote_info: null, local_info: { rebasable: false } });
  });

  test("says that the base is stale when the run image has another top layer", async () => {
    await store.write(base, [ref("moving:1")]);
    await store.write(await appImage({ base, runImage: name("moving:1"), seed: 3 }), [ref("stale")]);
    expect(await line.succeed("inspect", name("stale"))).toMatch(/^ +up to date$/m);
    await store.write(newBase, [ref("moving:1")]);
    expect(await line.succeed("inspect", name("stale"))).toMatch(/^ +stale: the run image has other layers now/m);
    const json = JSON.parse(await line.succeed("inspect", name("stale"), "--json")) as { base: { state: object } };
    expect(json.base.state).toEqual({ kind: "stale", topLayer: (await newBase.config()).value.rootfs.diff_ids[1] });
  });

  test("of a base that is gone says that nobody can tell", async () => {
    await store.write(await appImage({ base, runImage: name("gone:1"), seed: 4 }), [ref("orphan")]);
    expect(await line.succeed("inspect", name("orphan"))).toMatch(/unknown, there is no image .*\/gone:1 any more$/m);
    const json = JSON.parse(await line.succeed("inspect", name("orphan"), "-o", "json")) as {
      remote_info: { base_image: object };
    };
    expect(json.remote_info.base_image).not.toHaveProperty("stale");
  });

  test("--bom prints the old bill of materials", async () => {
    const bom = JSON.parse(await line.succeed("inspect", name("only-there"), "--bom")) as object;
    expect(bom).toEqual({
      remote: [{ name: "left-pad", metadata: { version: "1.3.0" }, buildpacks: { id: "a/node", version: "1.2.3" } }],
      local: null,
    });
  });

  test.each(["oci", "oci-archive", "docker-archive"] as const)("reads an image of an %s", async (kind) => {
    const path = join(line.directory, `inspected-${kind}`);
    const image = await appImage({ base, runImage: name("run:1"), seed: 5 });
    const sink = kind === "oci" ? layoutStore(path) : archiveSink(kind, path);
    await sink.write(image, [parseReference("filed:1")]);
    const text = await line.succeed("inspect", `${kind}:${path}`);
    expect(text).toMatch(/^processes +web \(default\): node server\.js --port 8080$/m);
    // Docker's form has no manifest.
    if (kind !== "docker-archive") expect(text).toContain((await image.manifest()).digest);
  });

  test("of an image that is none of a lifecycle says so", async () => {
    await store.write(testImage({ layers: [tarOfNoise(10, 1)] }), [ref("plain")]);
    expect(await line.succeed("inspect", name("plain"))).toContain("not made by a lifecycle");
    const json = JSON.parse(await line.succeed("inspect", name("plain"), "-o", "json")) as object;
    expect(json).toMatchObject({ remote_info: { buildpacks: null, processes: null, rebasable: false } });
  });

  test.each([
    [["missing"], 1, "IMAGE_NOT_FOUND"],
    [["only-there", "--output", "xml"], 2, "Allowed choices"],
    [["only-there", "--json", "--output", "yaml"], 3, "INVALID_ARGUMENTS"],
  ] as const)("%j is refused", async ([path, ...rest], code, says) => {
    const ran = await line.run("inspect", name(path), ...rest);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(says);
  });
});

describe("sbom download", () => {
  test.each([[["only-there"]], [["app", "--remote"]], [["same"]]] as const)(
    "%j writes the files of the SBOM layer, and reads no other layer",
    async ([path, ...rest]) => {
      const output = join(line.directory, `sbom-${path}`);
      const before = registry.count("GET", /blobs/);
      const stdout = await line.succeed("sbom", "download", name(path), "--output-dir", output, ...rest);
      expect(readFileSync(join(output, sbomFile), "utf8")).toBe('{"bomFormat":"CycloneDX"}');
      expect(stdout).toBe(`${join(output, sbomFile)}\n`);
      // The config and the layer.
      expect(registry.count("GET", /blobs/) - before).toBe(path === "same" ? 0 : 2);
    },
  );

  test("of an archive", async () => {
    const path = join(line.directory, "sbom.tar");
    const image = await appImage({ base, runImage: name("run:1"), seed: 6, sbom: tarOf(sbomFile, "{}") });
    await archiveSink("docker-archive", path).write(image, [parseReference("filed:1")]);
    await line.succeed("sbom", "download", `docker-archive:${path}`);
    expect(readFileSync(join(line.directory, "work", sbomFile), "utf8")).toBe("{}");
  });

  test("never writes outside of the directory", async () => {
    const output = join(line.directory, "confined");
    mkdirSync(join(output, "layers"), { recursive: true });
    mkdirSync(join(line.directory, "elsewhere"));
    symlinkSync("../../elsewhere", join(output, "layers/sbom"));
    const ran = await line.run("sbom", "download", name("app"), "-o", output);
    expect(ran.stderr).toContain("error INVALID_TAR");
    expect(existsSync(join(line.directory, "elsewhere/launch"))).toBe(false);

    const evil = await appImage({ base, runImage: name("run:1"), seed: 8, sbom: tarOf("../../../evil", "x") });
    await store.write(evil, [ref("evil")]);
    expect((await line.run("sbom", "download", name("evil"), "-o", join(line.directory, "safe/safe"))).code).toBe(1);
    expect(existsSync(join(line.directory, "evil"))).toBe(false);
  });

  test.each([
    ["missing", "IMAGE_NOT_FOUND"],
    ["plain", "not made by a lifecycle"],
    ["only-here", "none of its buildpacks wrote one"],
  ])("of %s is refused", async (path, says) => {
    const ran = await line.run("sbom", "download", name(path), "-o", join(line.directory, "nothing"));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(says);
    expect(existsSync(join(line.directory, "nothing"))).toBe(false);
  });
});

/** A tar of one file. */
function tarOf(path: string, content: string): Uint8Array {
  const bytes = Buffer.from(content);
  const header = encodeHeader({ name: path, type: "file", mode: 0o644, uid: 0, gid: 0, size: bytes.length });
  return Buffer.concat([header, bytes, Buffer.alloc(paddingAfter(bytes.length) + 1024)]);
}
