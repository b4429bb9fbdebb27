import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../lifecycle/oci/descriptor.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { encodeIndex, type Index } from "../../lifecycle/oci/manifest.ts";
import { ociTypes } from "../../lifecycle/oci/media-type.ts";
import { parseReference, withDigest } from "../../lifecycle/oci/reference.ts";
import type { Inspection } from "../../lifecycle/platform/inspect/inspect-image.ts";
import type { RebasePlan } from "../../lifecycle/platform/rebase/request.ts";
import { refName } from "../../lifecycle/stores/layout/index-file.ts";
import { layoutIndex } from "../../lifecycle/stores/layout/layout-index.ts";
import { readLayout } from "../../lifecycle/stores/layout/read-layout.ts";
import { machinePlatform } from "../../lifecycle/stores/stored-image.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { diffIds, rebaseSite, recorded } from "./rebase-site.ts";

const site = rebaseSite();
const { name } = site;

describe("an index of several platforms", () => {
  /** Pushes run images of both platforms under one name, and gives them back. */
  const pushIndex = async (path: string, images: readonly Image[], more: Partial<Index> = {}): Promise<string> => {
    const ref = parseReference(name(path));
    const manifests: Descriptor[] = [];
    for (const image of images) {
      const { digest, bytes, value } = await image.manifest();
      const { os, architecture } = (await image.config()).value;
      await site.store.write(image, [withDigest(ref, digest)]);
      const annotations = { about: architecture };
      manifests.push({
        mediaType: value.mediaType ?? "",
        digest,
        size: bytes.length,
        platform: { os, architecture },
        annotations,
      });
    }
    const mediaType = ociTypes.index;
    await site.store.writeIndex(
      encodeIndex({ schemaVersion: 2, mediaType, ...more, manifests: [...manifests, ...(more.manifests ?? [])] }),
      ref,
    );
    return name(path);
  };
  const platforms = ["amd64", "arm64"] as const;
  const bases = (seed: number): readonly Image[] =>
    platforms.map((architecture, index) => runImage(seed + index * 10, undefined, architecture));
  const apps = async (path: string, run: string, on: readonly Image[]): Promise<readonly Image[]> =>
    Promise.all(on.map((base, seed) => appImage({ base, runImage: name(run), seed: path.length * 100 + seed })));
  const of = (path: string, architecture: string): Promise<Image | undefined> =>
    site.store.resolve(parseReference(name(path)), { platform: { os: "linux", architecture } });

  test("each image gets the run image of its platform; annotations and order stay, and a tag leads to all", async () => {
    const [old, fresh] = [bases(100), bases(200)];
    await pushIndex("multi/run:1", old);
    const before = await apps("multi", "multi/run:1", old);
    const image = await pushIndex("multi/app:1", before, { annotations: { team: "a" } });
    await pushIndex("multi/run:1", fresh);
    const planned = JSON.parse(await site.line.succeed("rebase", "--publish", "--plan", "--json", image)) as RebasePlan;
    expect(planned).toMatchObject({ action: "rebase", platforms: [{ platform: "linux/amd64" }, { action: "rebase" }] });
    const inspected = JSON.parse(await site.line.succeed("inspect", "--json", image)) as Inspection;
    expect(inspected.index).toEqual({
      digest: (await site.store.readIndex(parseReference(image)))?.digest,
      images: await Promise.all(
        platforms.map(async (architecture, at) => ({
          platform: `linux/${architecture}`,
          digest: (await before[at]?.manifest())?.digest,
        })),
      ),
    });
    expect(await site.line.succeed("inspect", image)).toContain(`linux/arm64 ${inspected.index?.images[1]?.digest}`);
    const reports = join(site.line.directory, "index-reports");
    const printed = await site.line.succeed("rebase", "--publish", image, "--report-output-dir", reports);
    const index = await site.store.readIndex(parseReference(image));
    expect(printed).toContain(index?.digest ?? "nothing");
    expect(index?.value).toMatchObject({
      mediaType: ociTypes.index,
      annotations: { team: "a" },
      manifests: platforms.map((architecture) => ({
        platform: { os: "linux", architecture },
        annotations: { about: architecture },
      })),
    });
    for (const [at, architecture] of platforms.entries()) {
      const after = await of("multi/app:1", architecture);
      expect(await diffIds(after)).toEqual([...(await diffIds(fresh[at])), ...(await diffIds(before[at])).slice(2)]);
      expect((await recorded(after))["topLayer"]).toBe((await diffIds(fresh[at]))[1]);
      expect(readFileSync(join(reports, `linux-${architecture}`, "report.toml"), "utf8")).toContain(
        (await after?.manifest())?.digest,
      );
    }
    expect(await site.line.succeed("rebase", "--publish", "--plan", image)).toMatch(
      /^Nothing to do for .*linux\/amd64/,
    );
  });

  test("works without an image for this machine, to another name, and drops attestations with a warning", async () => {
    const { architecture } = machinePlatform();
    const foreign = architecture === "arm64" ? "amd64" : "arm64";
    const [base, newest] = [runImage(310, undefined, foreign), runImage(320, undefined, foreign)];
    await pushIndex("foreign/run:1", [base]);
    const [app1] = await apps("foreign", "foreign/run:1", [base]);
    const attestation = testImage({ layers: [tarOfNoise(50, 330)] });
    const { digest, bytes } = await attestation.manifest();
    const ref = parseReference(name("foreign/app:1"));
    await site.store.write(attestation, [withDigest(ref, digest)]);
    const unknown = { os: "unknown", architecture: "unknown" };
    const note = { mediaType: ociTypes.manifest, digest, size: bytes.length, platform: unknown };
    const image = await pushIndex("foreign/app:1", [app1 as Image], { manifests: [note] });
    await pushIndex("foreign/run:1", [newest]);
    const ran = await site.line.run("rebase", "--publish", name("foreign/next:1"), "--previous-image", image);
    expect(ran.stderr).toContain("1 attestations");
    expect(ran.code).toBe(0);
    expect((await site.store.readIndex(parseReference(name("foreign/next:1"))))?.value.manifests).toHaveLength(1);
    expect((await diffIds(await of("foreign/next:1", foreign))).slice(0, 2)).toEqual(await diffIds(newest));
    expect((await site.store.readIndex(ref))?.value.manifests).toHaveLength(2);
  });

  test("stays as it was when one platform has no run image", async () => {
    const old = bases(400);
    await pushIndex("half/run:1", old);
    const image = await pushIndex("half/app:1", await apps("half", "half/run:1", old));
    const before = (await site.store.readIndex(parseReference(image)))?.digest;
    await pushIndex("half/run:1", [bases(500)[0] as Image]);
    const ran = await site.line.run("rebase", "--publish", image);
    expect(ran.code).toBe(72);
    expect(ran.stderr).toContain("error REBASE_FAILED: linux/arm64: ");
    expect((await site.store.readIndex(parseReference(image)))?.digest).toBe(before);
  });

  /** A layout with the index of a registry, as `skopeo copy --all` makes it. */
  const layoutOf = async (image: string, path: string, entry: string): Promise<void> => {
    const index = await site.store.readIndex(parseReference(image));
    if (index === undefined) throw new Error(`no index ${image}`);
    const layout = layoutIndex(path, entry);
    for (const { digest } of index.value.manifests) {
      const one = await site.store.resolve(withDigest(parseReference(image), digest));
      if (one !== undefined) await layout.put(one);
    }
    await layout.write(index);
  };
  const entriesOf = (path: string): readonly Descriptor[] =>
    (JSON.parse(readFileSync(join(path, "index.json"), "utf8")) as Index).manifests;

  test("is rebased in a layout, under its name, and other entries stay", async () => {
    const [old, fresh] = [bases(600), bases(700)];
    await pushIndex("layout/run:1", old);
    const before = await apps("layout", "layout/run:1", old);
    const image = await pushIndex("layout/app:1", before, { annotations: { team: "a" } });
    const path = join(site.line.directory, "index-layout");
    await layoutOf(image, path, "app");
    await layoutOf(image, path, "other");
    const [, other] = entriesOf(path);
    await pushIndex("layout/run:1", fresh);
    const planned = JSON.parse(await site.line.succeed("rebase", "--plan", "--json", `oci:${path}:app`)) as RebasePlan;
    expect(planned).toMatchObject({ action: "rebase", platforms: [{ platform: "linux/amd64" }, { action: "rebase" }] });
    expect(await site.line.succeed("rebase", `oci:${path}:app`)).toContain(`oci:${path}:app`);
    const [entry, kept] = entriesOf(path);
    expect(kept).toEqual(other);
    expect(entry).toMatchObject({
      mediaType: ociTypes.index,
      annotations: other && { ...other.annotations, [refName]: "app" },
    });
    expect(entry?.digest).not.toBe(other?.digest);
    const index = await layoutIndex(path, "app").read();
    expect(index?.digest).toBe(entry?.digest);
    expect(index?.value).toMatchObject({
      annotations: { team: "a" },
      manifests: platforms.map((architecture) => ({
        platform: { architecture },
        annotations: { about: architecture },
      })),
    });
    for (const [at, architecture] of platforms.entries()) {
      const after = await readLayout(path, { name: "app", platform: { os: "linux", architecture } });
      expect(await diffIds(after)).toEqual([...(await diffIds(fresh[at])), ...(await diffIds(before[at])).slice(2)]);
    }
    expect(await site.line.succeed("rebase", "--plan", `oci:${path}:app`)).toContain("Nothing to do");
    if (isInstalled("skopeo")) execFileSync("skopeo", ["copy", "--all", `oci:${path}:app`, `oci:${path}-copy`]);
    await site.line.succeed("rebase", "--publish", name("layout/sent:1"), "--previous-image", `oci:${path}:other`);
    expect((await site.store.readIndex(parseReference(name("layout/sent:1"))))?.digest).toBe(entry?.digest);
  });

  test("may stand in a layout side by side, or without an image for this machine", async () => {
    const [old, fresh] = [bases(800), bases(900)];
    await pushIndex("side/run:1", old);
    const image = await pushIndex("side/app:1", await apps("side", "side/run:1", old));
    const path = join(site.line.directory, "side-layout");
    await layoutOf(image, path, "x");
    const index = await site.store.readIndex(parseReference(image));
    const { architecture: own } = machinePlatform();
    const foreign = index?.value.manifests.filter(({ platform }) => platform?.architecture !== own) ?? [];
    await pushIndex("side/run:1", fresh);
    const write = (manifests: readonly Descriptor[]): void =>
      writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    write(index?.value.manifests ?? []);
    await site.line.succeed("rebase", `oci:${path}`);
    expect(entriesOf(path)).toHaveLength(2);
    for (const [at, architecture] of platforms.entries()) {
      const after = await readLayout(path, { platform: { os: "linux", architecture } });
      expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(fresh[at]));
    }
    const only = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests: foreign });
    write([]);
    await layoutIndex(path, undefined).write(only);
    await site.line.succeed("rebase", `oci:${path}`);
    const [architecture = ""] = platforms.filter((one) => one !== own);
    const after = await readLayout(path, { platform: { os: "linux", architecture } });
    expect((await diffIds(after)).slice(0, 2)).toEqual(
      await diffIds(fresh[platforms.indexOf(architecture as "amd64")]),
    );
  });

  test("in a layout stays as it was when one platform has no run image", async () => {
    const old = bases(1000);
    await pushIndex("halfway/run:1", old);
    const path = join(site.line.directory, "half-layout");
    await layoutOf(await pushIndex("halfway/app:1", await apps("halfway", "halfway/run:1", old)), path, "app");
    const before = entriesOf(path);
    await pushIndex("halfway/run:1", [bases(1100)[0] as Image]);
    expect((await site.line.run("rebase", `oci:${path}`)).code).toBe(72);
    expect(entriesOf(path)).toEqual(before);
  });
});
