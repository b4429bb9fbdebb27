import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { memoryLayer } from "../../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { archiveSink } from "../../../lifecycle/platform/archives/archive-sink.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { tarOfNoise, testImage } from "../../fakes/images.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-archive-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const same = tarOfNoise(4000, 7);
const image = testImage({ layers: [tarOfNoise(5000, 1), same, same], labels: { a: "b" } });
const refs = ["app", "app:v2"].map((name) => parseReference(name));
const list = (file: string): readonly string[] =>
  execFileSync("tar", ["-tf", file], { encoding: "utf8" }).trim().split("\n");
const content = (file: string, name: string): Buffer => execFileSync("tar", ["-xOf", file, name]);
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("an OCI archive is a layout with one entry per name, each blob once and by its hash", async () => {
  const file = join(folder, "made/app.tar");
  const { digest } = await archiveSink("oci-archive", file).write(image, refs);
  const index = JSON.parse(content(file, "index.json").toString()) as {
    readonly manifests: readonly { readonly digest: string; readonly annotations: Record<string, string> }[];
  };
  expect(index.manifests.map((entry) => [entry.digest, Object.values(entry.annotations)])).toEqual([
    [digest, ["index.docker.io/library/app:latest"]],
    [digest, ["index.docker.io/library/app:v2"]],
  ]);
  const blobs = list(file).filter((name) => /^blobs\/sha256\/./.test(name));
  // The manifest, the config, and two layers of three.
  expect(blobs.length).toBe(4);
  for (const blob of blobs) expect(sha256(content(file, blob))).toBe(blob.replace(/^blobs\/sha256\//, "sha256:"));
  expect(readdirSync(join(folder, "made"))).toEqual(["app.tar"]);
});

test("a Docker archive names its config, its layers in order and its tags", async () => {
  const file = join(folder, "app.tar");
  const { imageId } = await archiveSink("docker-archive", file).write(image, refs);
  const [entry] = JSON.parse(content(file, "manifest.json").toString()) as [
    { readonly Config: string; readonly RepoTags: readonly string[]; readonly Layers: readonly string[] },
  ];
  expect(entry.RepoTags).toEqual(["app:latest", "app:v2"]);
  expect(sha256(content(file, entry.Config))).toBe(imageId);
  const diffIds = (await image.config()).value.rootfs.diff_ids;
  expect(entry.Layers).toEqual(diffIds.map((diffId) => `${diffId.slice("sha256:".length)}.tar.gz`));
});

const skopeo = isInstalled("skopeo");
if (!skopeo && process.env["CI"] !== undefined) throw new Error("CI needs skopeo");

test.skipIf(!skopeo).each(["oci-archive", "docker-archive"] as const)(
  `skopeo reads an %s${skopeo ? "" : " (skipped: no skopeo)"}`,
  async (kind) => {
    const file = join(folder, "app.tar");
    const { digest } = await archiveSink(kind, file).write(image, refs.slice(0, 1));
    execFileSync("skopeo", ["copy", "--quiet", `${kind}:${file}`, `oci:${join(folder, "copy")}:app`]);
    const seen = JSON.parse(
      execFileSync("skopeo", ["inspect", `oci:${join(folder, "copy")}:app`], { encoding: "utf8" }),
    ) as { readonly Digest: string; readonly Labels: object; readonly Layers: readonly string[] };
    expect(seen).toMatchObject({ Labels: { a: "b" } });
    expect(seen.Layers.length).toBe(3);
    if (kind === "oci-archive") expect(seen.Digest).toBe(digest);
  },
);

test("the same image gives the same bytes", async () => {
  for (const kind of ["oci-archive", "docker-archive"] as const) {
    const files = ["one.tar", "two.tar"].map((name) => join(folder, name));
    for (const file of files) await archiveSink(kind, file).write(image, refs);
    expect(new Set(files.map((file) => sha256(readFileSync(file)))).size).toBe(1);
  }
});

test("a layer that is not what it says, and an abort, leave the file that was there", async () => {
  const file = join(folder, "app.tar");
  writeFileSync(file, "old");
  const [first] = await image.layers();
  if (first === undefined) throw new Error("no layer");
  const wrong = { ...first, compressed: () => memoryLayer(tarOfNoise(5000, 2)).compressed() };
  const broken = { ...image, layers: () => Promise.resolve([wrong]) };
  await expect(archiveSink("oci-archive", file).write(broken, refs)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  const ctx = { logger: silentLogger, progress: silentProgress, clock: () => new Date(0), signal: AbortSignal.abort() };
  await expect(archiveSink("oci-archive", file).write(image, refs, { ctx })).rejects.toMatchObject({
    code: "CANCELED",
  });
  expect([readFileSync(file, "utf8"), readdirSync(folder)]).toEqual(["old", ["app.tar"]]);
});
