import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf, hex } from "../../../lifecycle/oci/digest.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { encodeIndex } from "../../../lifecycle/oci/manifest.ts";
import { ociTypes } from "../../../lifecycle/oci/media-type.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { blobPath, linkBlobFile, makeBlobFolder } from "../../../lifecycle/stores/layout/blob-files.ts";
import { collectGarbage } from "../../../lifecycle/stores/layout/collect.ts";
import { readIndex, refName } from "../../../lifecycle/stores/layout/index-file.ts";
import { layoutDirectoryStore, layoutPath } from "../../../lifecycle/stores/layout/layout-directory.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { withLock } from "../../../lifecycle/stores/layout/lock.ts";
import { readLayout } from "../../../lifecycle/stores/layout/read-layout.ts";
import { writeLayout } from "../../../lifecycle/stores/layout/write-layout.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { noise, testImage } from "../../fakes/images.ts";

const platform = { os: "linux", architecture: "amd64" };
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tspack-layout-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function present(image: Promise<Image | undefined>): Promise<Image> {
  const found = await image;
  if (found === undefined) throw new Error("the image is missing");
  return found;
}

describe("the local image store", () => {
  test("names an image by its full name, once", async () => {
    const store = layoutStore(directory, { platform });
    await store.write(testImage({ layers: [noise(10, 1)] }), [parseReference("hello")]);
    const report = await store.write(testImage({ layers: [noise(10, 2)] }), [parseReference("hello:latest")]);
    const entries = (await readIndex(directory))?.manifests ?? [];
    expect(entries.map(({ annotations }) => annotations)).toEqual([
      { [refName]: "index.docker.io/library/hello:latest" },
    ]);
    const [only, ...others] = await store.list();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ digest: report.digest, platform });
  });

  test("links a layer that has a file", async () => {
    const image = testImage({ layers: [noise(5000, 3)] });
    const [layer] = await image.layers();
    if (layer === undefined) throw new Error("no layer");
    const file = join(directory, "cached");
    const chunks: Uint8Array[] = [];
    for await (const chunk of layer.compressed()) chunks.push(chunk);
    await writeFile(file, Buffer.concat(chunks));
    const withFile = { ...image, layers: async () => [{ ...layer, blobFile: async () => file }] };
    const store = layoutStore(join(directory, "store"), { platform });
    const report = await store.write(withFile, [parseReference("a")]);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["linked"]);
    const { digest } = await layer.descriptor();
    expect((await stat(blobPath(join(directory, "store"), digest))).ino).toBe((await stat(file)).ino);
  });

  test("does not link a file of another size", async () => {
    await makeBlobFolder(directory);
    const file = join(directory, "short");
    await writeFile(file, "short");
    const link = linkBlobFile(directory, { digest: digestOf("longer"), size: 6 }, file);
    await expect(link).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("keeps all of many writes at the same time", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `app-${index}`);
    const write = (name: string, index: number): Promise<unknown> =>
      layoutStore(directory, { platform }).write(testImage({ layers: [noise(100, index + 1)] }), [
        parseReference(name),
      ]);
    await Promise.all(names.map(write));
    expect((await layoutStore(directory).list()).map(({ ref }) => ref.repository)).toEqual(
      names.map((name) => `library/${name}`).sort(),
    );
    expect((await readdir(directory)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  test("removes what nothing needs after an hour, and nothing else", async () => {
    const store = layoutStore(directory, { platform });
    const shared = noise(100, 20);
    await store.write(testImage({ layers: [shared, noise(100, 21)] }), [parseReference("old")]);
    const kept = await store.write(testImage({ layers: [shared] }), [parseReference("kept")]);
    await store.delete(parseReference("old"));
    const blobs = join(directory, "blobs", "sha256");
    await writeFile(join(blobs, ".tmp-1-x"), "");
    const index = await readIndex(directory);
    if (index === undefined) throw new Error("no index");
    expect((await collectGarbage(directory, index)).blobs).toBe(0);
    const later = Date.now() + 61 * 60 * 1000;
    // The layer, config and manifest of the deleted image, and the temporary file.
    expect((await collectGarbage(directory, index, { now: later })).blobs).toBe(4);
    expect(await readdir(blobs)).toHaveLength(3);
    await validate(await present(store.resolve(parseReference(`kept@${kept.digest}`))));
  });

  test("passes over a temporary file that its writer renames meanwhile", async () => {
    const store = layoutStore(directory, { platform });
    await store.write(testImage({ layers: [noise(100, 22)] }), [parseReference("kept")]);
    const index = await readIndex(directory);
    if (index === undefined) throw new Error("no index");
    // Like a file that goes after the folder was listed: there is a name and nothing behind it.
    await symlink("gone", join(directory, "blobs", "sha256", ".tmp-1-y"));
    expect(await collectGarbage(directory, index, { now: Date.now() + 61 * 60 * 1000 })).toEqual({
      blobs: 0,
      bytes: 0,
    });
  });

  test("finds a damaged blob when it is read", async () => {
    const store = layoutStore(directory, { platform });
    const image = testImage({ layers: [noise(5000, 30)] });
    await store.write(image, [parseReference("a")]);
    const { digest, size } = (await image.manifest()).value.layers[0] ?? { digest: digestOf(""), size: 0 };
    await truncate(blobPath(directory, digest), size - 1);
    const back = await present(store.resolve(parseReference("a")));
    await expect(validate(back)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    // Writing it again mends it.
    await store.write(image, [parseReference("a")]);
    await validate(await present(store.resolve(parseReference("a"))));
  });
});

describe("a lock", () => {
  test("of a process that has ended is taken over", async () => {
    const child = spawn("true");
    await new Promise((resolve) => child.once("exit", resolve));
    const path = join(directory, "lock");
    await writeFile(path, `${hostname()} ${child.pid} abc\n`);
    expect(await withLock(path, async () => "done", { timeout: 2000 })).toBe("done");
    expect(await readdir(directory)).toEqual([]);
  });

  test("of another machine is taken over when it was not touched for long", async () => {
    const path = join(directory, "lock");
    await writeFile(path, "elsewhere 1 abc\n");
    await expect(withLock(path, async () => 1, { timeout: 60 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    await utimes(path, 0, 0);
    expect(await withLock(path, async () => 1, { timeout: 2000 })).toBe(1);
  });

  test("lets one at a time work", async () => {
    const path = join(directory, "lock");
    let [now, most] = [0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
      now -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, work)));
    expect(most).toBe(1);
  });

  test("is not waited for after Ctrl-C", async () => {
    const path = join(directory, "lock");
    await writeFile(path, `${hostname()} ${process.pid} abc\n`);
    const waiting = withLock(path, async () => 1, { signal: AbortSignal.timeout(30) });
    await expect(waiting).rejects.toMatchObject({ code: "CANCELED" });
  });
});

describe("a layout of others", () => {
  test("with several images wants a name", async () => {
    const write = (name: string, seed: number): Promise<unknown> =>
      writeLayout(directory, testImage({ layers: [noise(10, seed)] }), { names: [name], label: "" });
    await write("a", 1);
    await write("b", 2);
    await expect(readLayout(directory)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    await validate(await present(readLayout(directory, { name: "b" })));
    expect(await readLayout(directory, { name: "c" })).toBeUndefined();
  });

  test("with an index gives the image of the platform", async () => {
    const images = [testImage({ layers: [noise(9, 1)] }), testImage({ layers: [noise(9, 2)], architecture: "arm64" })];
    for (const image of images) await writeLayout(directory, image, { names: [], label: "" });
    const inner = (await readIndex(directory))?.manifests ?? [];
    const nested = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests: inner });
    await writeFile(blobPath(directory, nested.digest), nested.bytes);
    const entry = { mediaType: ociTypes.index, size: nested.bytes.length, digest: nested.digest };
    const top = encodeIndex({ schemaVersion: 2, manifests: [{ ...entry, annotations: { [refName]: "multi" } }] });
    await writeFile(join(directory, "index.json"), top.bytes);
    const arm = { os: "linux", architecture: "arm64" };
    const found = await present(readLayout(directory, { name: "multi", platform: arm }));
    expect((await found.config()).value.architecture).toBe("arm64");
    const missing = readLayout(directory, { platform: { os: "linux", architecture: "riscv64" } });
    await expect(missing).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  test("that is no layout is undefined, and one of another version INVALID_IMAGE", async () => {
    expect(await readLayout(directory)).toBeUndefined();
    await writeFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    await expect(readLayout(directory)).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });

  test("without a blob says which one", async () => {
    const image = testImage({ layers: [noise(10, 5)] });
    await writeLayout(directory, image, { names: [], label: "" });
    const digest = (await image.manifest()).value.config.digest;
    await rm(blobPath(directory, digest));
    const config = (await present(readLayout(directory))).config();
    await expect(config).rejects.toMatchObject({ code: "INVALID_IMAGE", message: expect.stringContaining(digest) });
  });

  test("whose damaged layer has the right size is not handed out as a file", async () => {
    const image = testImage({ layers: [noise(10, 6)] });
    await writeLayout(directory, image, { names: [], label: "" });
    const { digest, size } = (await image.manifest()).value.layers[0] ?? { digest: digestOf(""), size: 0 };
    await writeFile(blobPath(directory, digest), Buffer.alloc(size));
    const [layer] = await (await present(readLayout(directory))).layers();
    await expect(layer?.blobFile?.()).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });
});

describe("the directories of -layout", () => {
  const digest = digestOf("x");
  test.each([
    ["debian", "index.docker.io/library/debian/latest"],
    ["localhost:5000/a/b:v1", "localhost:5000/a/b/v1"],
    [`r.test/a@${digest}`, `r.test/a/sha256/${hex(digest)}`],
  ])("have the specification's path for %s", (name, path) => {
    expect(layoutPath("/layouts", parseReference(name))).toBe(`/layouts/${path}`);
  });

  test("are not left by a name made by hand", () => {
    const ref = { ...parseReference("a/b"), repository: "../../etc" };
    expect(() => layoutPath("/layouts", ref)).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });

  test("hold one image each, and only the newest", async () => {
    const store = layoutDirectoryStore(directory, { platform });
    const ref = parseReference("r.test/a:v1");
    await store.write(testImage({ layers: [noise(10, 1)] }), [ref]);
    const { digest: newest } = await store.write(testImage({ layers: [noise(10, 2)] }), [ref]);
    expect((await readIndex(layoutPath(directory, ref)))?.manifests.map((entry) => entry.digest)).toEqual([newest]);
  });
});

// CI installs everything: there a missing program is a failure.
const installed = (program: string): boolean => process.env["CI"] !== undefined || isInstalled(program);

describe("other tools", () => {
  test.skipIf(!installed("skopeo"))("skopeo reads what we wrote and we read what it wrote (needs skopeo)", async () => {
    const image = testImage({ layers: [noise(70_000, 7)] });
    const ours = join(directory, "ours");
    const { digest } = await layoutStore(ours, { platform }).write(image, [parseReference("hello")]);
    const theirs = join(directory, "theirs");
    const from = `oci:${ours}:index.docker.io/library/hello:latest`;
    const args = ["copy", "--insecure-policy", "--preserve-digests", from, `oci:${theirs}:copy`];
    expect(spawnSync("skopeo", args, { encoding: "utf8" }).stderr).toBe("");
    const back = await present(readLayout(theirs, { name: "copy" }));
    expect((await back.manifest()).digest).toBe(digest);
    await validate(back);
  });

  test.skipIf(!installed("umoci"))(
    "umoci lists and changes our layout, and we read the change (needs umoci)",
    async () => {
      const image = testImage({ layers: [] });
      await writeLayout(directory, image, { names: ["one"], label: "" });
      const tags = spawnSync("umoci", ["list", "--layout", directory], { encoding: "utf8" });
      expect(tags.stdout).toBe("one\n");
      const edit = ["config", "--image", `${directory}:one`, "--tag", "two", "--config.label", "by=umoci"];
      expect(spawnSync("umoci", edit, { encoding: "utf8" }).stderr).toBe("");
      const changed = await present(readLayout(directory, { name: "two", platform }));
      expect((await changed.config()).value.config?.Labels).toEqual({ by: "umoci" });
    },
  );

  test("find our files readable by all", async () => {
    await mkdir(join(directory, "l"));
    await writeLayout(join(directory, "l"), testImage({ layers: [noise(10, 1)] }), { names: ["a"], label: "" });
    for (const file of ["oci-layout", "index.json"]) {
      expect((await stat(join(directory, "l", file))).mode & 0o777).toBe(0o644);
    }
    expect(await readFile(join(directory, "l", "oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}');
  });
});
