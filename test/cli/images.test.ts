import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { startFakeRegistry } from "../fakes/registry.ts";

let folder = "";
let images = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-images-"));
  images = join(folder, "data/images");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tspack(args: readonly string[], stdin?: Readable): Promise<Ran> {
  const said = { stdout: "", stderr: "" };
  const code = await runTspack({
    argv: ["images", ...args],
    env: { TSPACK_HOME: folder, HOME: folder },
    cwd: folder,
    uid: process.getuid?.() ?? 0,
    stdin,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    terminal: false,
    color: false,
    packageRoot: folder,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

async function succeed(args: readonly string[], stdin?: Readable): Promise<string> {
  const ran = await tspack(args, stdin);
  if (ran.code !== 0) throw new Error(`exit ${ran.code}\n${ran.stderr}`);
  return ran.stdout;
}

const base = tarOfNoise(6000, 1);
const image = testImage({ layers: [base, tarOfNoise(5000, 2)], format: "docker", labels: { a: "b" } });
const write = (name: string, what: Image = image): Promise<unknown> =>
  layoutStore(images).write(what, [parseReference(name)]);

async function here(name: string): Promise<Image> {
  const found = await layoutStore(images).resolve(parseReference(name));
  if (found === undefined) throw new Error(`${name} is not in the store`);
  await validate(found);
  return found;
}
const digestOf = async (name: string): Promise<string> => (await (await here(name)).manifest()).digest;
const idOf = async (name: string): Promise<string> => (await (await here(name)).config()).digest;

describe("export and import", () => {
  test.each(["oci-archive", "docker-archive"])("through an %s gives the same image", async (format) => {
    await write("app");
    const [digest, id] = [await digestOf("app"), await idOf("app")];
    await succeed(["export", "app", "app:v2", "--output", "app.tar", "--format", format]).catch(() => undefined);
    // A name that is not there is refused before anything is written.
    expect(readdirSync(folder)).not.toContain("app.tar");
    await write("app:v2");
    await succeed(["export", "app", "app:v2", "--output", "app.tar", "--format", format]);
    await succeed(["rm", "app", "app:v2"]);
    expect(await succeed(["import", "app.tar"])).toContain("Imported app:latest, app:v2\n");
    expect([await digestOf("app"), await digestOf("app:v2")]).toEqual([digest, digest]);
    expect(await idOf("app")).toBe(id);
    expect(readdirSync(join(folder, "data/builds"))).toEqual([]);
  });

  test("reads what is compressed, from standard input, under another name", async () => {
    await write("app");
    await succeed(["export", "app", "--output", "app.tar"]);
    execFileSync("gzip", [join(folder, "app.tar")]);
    const stdin = Readable.from(readFileSync(join(folder, "app.tar.gz")), { objectMode: false });
    const [imported] = JSON.parse(await succeed(["import", "-", "other", "--json"], stdin)) as readonly [object];
    expect(imported).toEqual({ names: ["other:latest"], digest: await digestOf("app") });
    expect(await digestOf("other")).toBe(await digestOf("app"));
  });

  test("takes images out of an OCI layout, all or the one that is named", async () => {
    const layout = layoutStore(join(folder, "layout"));
    await layout.write(image, [parseReference("app")]);
    await layout.write(testImage({ layers: [] }), [parseReference("other:v2")]);
    const named = JSON.parse(await succeed(["import", "oci:layout", "--json"])) as readonly { names: string[] }[];
    expect(named.flatMap(({ names }) => names)).toEqual(["app:latest", "other:v2"]);
    const entry = "index.docker.io/library/other:v2";
    expect(await succeed(["import", `oci:layout:${entry}`, "mine"])).toContain("Imported mine:latest\n");
    expect(await digestOf("mine")).toBe(await digestOf("other:v2"));
    expect(await tspack(["import", "oci:layout", "mine"])).toMatchObject({ code: 3 });
    expect((await tspack(["import", "oci:layout:absent"])).stderr).toContain('no OCI layout with an image "absent"');
    expect((await tspack(["import", "oci:nowhere"])).stderr).toContain("error IMAGE_NOT_FOUND");
    expect((await tspack(["import", "layout"])).stderr).toContain("oci:DIRECTORY names an OCI layout");
  });

  test("of several names wants one image", async () => {
    await write("app");
    await write("different", testImage({ layers: [] }));
    expect(await tspack(["export", "app", "different", "--output", "x.tar"])).toMatchObject({ code: 3 });
  });

  const skopeo = isInstalled("skopeo");
  if (!skopeo && process.env["CI"] !== undefined) throw new Error("CI needs skopeo");
  test.skipIf(!skopeo)(
    `take turns with skopeo, which writes plain tars${skopeo ? "" : " (skipped: no skopeo)"}`,
    async () => {
      await write("app");
      await succeed(["export", "app", "--output", "app.tar"]);
      const copy = (from: string, to: string): unknown => execFileSync("skopeo", ["copy", "--quiet", from, to]);
      copy(`oci-archive:${folder}/app.tar`, `docker-archive:${folder}/docker.tar:example.test/app:v3`);
      copy(`oci-archive:${folder}/app.tar`, `oci-archive:${folder}/oci.tar:example.test/app:v4`);
      copy(`oci-archive:${folder}/app.tar`, `oci-archive:${folder}/tag.tar:v5`);
      await succeed(["import", "docker.tar"]);
      await succeed(["import", "oci.tar"]);
      const { layers } = (await (await here("example.test/app:v3")).manifest()).value;
      expect(layers.map(({ mediaType }) => mediaType.endsWith("gzip"))).toEqual([true, true]);
      const diffIds = async (name: string): Promise<unknown> => (await (await here(name)).config()).value.rootfs;
      expect(await diffIds("example.test/app:v3")).toEqual(await diffIds("app"));
      expect(await diffIds("example.test/app:v4")).toEqual(await diffIds("app"));
      const nameless = await tspack(["import", "tag.tar"]);
      expect(nameless).toMatchObject({ code: 3 });
      expect(nameless.stderr).toContain("tspack images import FILE NAME");
    },
  );
});

describe("a bad archive", () => {
  const tar = (name: string, files: Readonly<Record<string, string>>): void => {
    const directory = mkdtempSync(join(folder, "tar-"));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
    execFileSync("tar", ["-cf", join(folder, name), "-C", directory, ...Object.keys(files)]);
  };

  test.each([
    ["is none", "INVALID_IMAGE", {}],
    ["lacks a layer", "INVALID_IMAGE", { "manifest.json": '[{"Config":"c.json","Layers":["l.tar"]}]' }],
    ["has another layer", "DIGEST_MISMATCH", { "manifest.json": '[{"Config":"c.json","Layers":["other.tar"]}]' }],
    ["is no list", "INVALID_IMAGE", { "manifest.json": "{}" }],
  ])("that %s is refused, and nothing is stored", async (_, code, files) => {
    const config = {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] },
    };
    tar("bad.tar", { "c.json": JSON.stringify(config), "other.tar": "x", ...files });
    const { importImages } = await import("../../lifecycle/platform/store/import-images.ts");
    const { openToolbox } = await import("../../lifecycle/cli/toolbox.ts");
    const tools = openToolbox(
      {
        argv: [],
        env: { TSPACK_HOME: folder },
        cwd: folder,
        uid: 0,
        stdout: () => {},
        stderr: () => {},
        terminal: false,
        color: false,
        packageRoot: folder,
        signal: new AbortController().signal,
      },
      { quiet: true },
    );
    await expect(importImages(join(folder, "bad.tar"), [], tools)).rejects.toMatchObject({ code });
    expect(await layoutStore(images).list()).toEqual([]);
    expect(readdirSync(join(folder, "data/builds"))).toEqual([]);
  });

  test("whose layer is not what its config says is refused although its digest is right", async () => {
    const [first] = await image.layers();
    if (first === undefined) throw new Error("no layer");
    const swapped = { ...first, diffId: `sha256:${"1".repeat(64)}` as typeof first.diffId };
    const { imageFromParts } = await import("../../lifecycle/oci/memory-image.ts");
    await write(
      "app",
      imageFromParts({ format: "oci", layers: [swapped], config: { os: "linux", architecture: "amd64" } }),
    );
    await succeed(["export", "app", "--output", "app.tar"]);
    expect((await tspack(["import", "app.tar", "copy"])).stderr).toContain("has the content");
  });

  test("that is not there or a directory is told apart", async () => {
    expect((await tspack(["import", "nothing.tar"])).stderr).toContain("there is no file");
    expect((await tspack(["import", "."])).stderr).toContain("is a directory");
  });
});

describe("push and pull", () => {
  test("move an image to a registry and back, and tell what was there", async () => {
    const registry = await startFakeRegistry();
    try {
      await write("app");
      const digest = await digestOf("app");
      const name = `${registry.host}/team/app:v1`;
      const pushed = JSON.parse(await succeed(["push", "app", name, "--json"])) as { readonly digest: string };
      expect(pushed).toMatchObject({ image: name, digest });
      expect(await succeed(["push", "app", name])).toContain("2 layers, 2 were there");
      await succeed(["rm", "app"]);
      await succeed(["pull", name, "back"]);
      expect(await digestOf("back")).toBe(digest);
      expect((await tspack(["push", "app", name])).stderr).toContain("app does not exist");
      expect(await tspack(["pull", name, "--platform", "linux"])).toMatchObject({ code: 3 });
    } finally {
      await registry.close();
    }
  });
});

describe("prune", () => {
  test("removes what lost its name, now when that is asked for", async () => {
    await write("app");
    await write("kept", testImage({ layers: [base] }));
    await succeed(["rm", "app"]);
    expect(await succeed(["prune"])).toContain("Removed 0 blobs");
    rmSync(join(folder, "data/users"), { recursive: true, force: true });
    expect(await succeed(["prune", "--older-than", "0s", "--dry-run"])).toContain("Would remove 3 blobs");
    expect(JSON.parse(await succeed(["prune", "--older-than", "0", "--json"]))).toMatchObject({ blobs: 3 });
    await here("kept");
    expect(await tspack(["prune", "--older-than", "soon"])).toMatchObject({ code: 3 });
  });
});
