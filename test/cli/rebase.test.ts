import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Descriptor } from "../../lifecycle/oci/descriptor.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { encodeIndex, type Index } from "../../lifecycle/oci/manifest.ts";
import { ociTypes } from "../../lifecycle/oci/media-type.ts";
import { parseReference, withDigest } from "../../lifecycle/oci/reference.ts";
import { archiveSink } from "../../lifecycle/platform/archives/archive-sink.ts";
import type { Inspection } from "../../lifecycle/platform/inspect/inspect-image.ts";
import type { RebasePlan } from "../../lifecycle/platform/rebase/request.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { refName } from "../../lifecycle/stores/layout/index-file.ts";
import { layoutIndex } from "../../lifecycle/stores/layout/layout-index.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { readLayout } from "../../lifecycle/stores/layout/read-layout.ts";
import { registryStore, type RegistryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { machinePlatform } from "../../lifecycle/stores/stored-image.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { startFakeEngine } from "../fakes/engine.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

let line: CommandLine;
let registry: FakeRegistry;
let store: RegistryStore;
const oldBase = runImage(1);
const newBase = runImage(11);

beforeAll(async () => {
  line = commandLine();
  registry = await startFakeRegistry();
  store = registryStore();
});
afterAll(async () => {
  line.remove();
  await registry.close();
});

const name = (path: string): string => `${registry.host}/${path}`;
const push = async (path: string, image: Image): Promise<string> => {
  await store.write(image, [parseReference(name(path))]);
  return name(path);
};
const app = async (
  path: string,
  run = "run:1",
  settings: Partial<Parameters<typeof appImage>[0]> = {},
): Promise<Image> => {
  await push(run, oldBase);
  return appImage({ base: oldBase, runImage: name(run), ...settings, seed: path.length * 100 + path.charCodeAt(0) });
};
const diffIds = async (image: Image | undefined): Promise<readonly string[]> =>
  (await image?.config())?.value.rootfs.diff_ids ?? [];
const recorded = async (image: Image | undefined): Promise<Record<string, unknown>> => {
  const label = (await image?.config())?.value.config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}";
  return (JSON.parse(label) as { runImage: Record<string, unknown> }).runImage;
};
const published = (path: string): Promise<Image | undefined> => store.resolve(parseReference(name(path)));

describe("the run image of a rebase", () => {
  test("may be another tag of the same repository, which the label then names", async () => {
    const image = await push("app/bump", await app("bump", "run:1", { mirrors: ["mirror.localhost/run:1"] }));
    const run = await push("run:2", newBase);
    await line.succeed("rebase", "--publish", image, "--run-image", run);
    const after = await published("app/bump");
    expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(newBase));
    expect(await recorded(after)).toEqual({
      topLayer: (await diffIds(newBase))[1],
      reference: `${name("run")}@${(await newBase.manifest()).digest}`,
      image: run,
    });
  });

  test("may be of the repository of a mirror", async () => {
    const image = await push("app/mirror", await app("mirror", "run:1", { mirrors: [name("mirrored/run:1")] }));
    await push("mirrored/run:2", newBase);
    await line.succeed("rebase", "--publish", image, "--run-image", name("mirrored/run:2"));
    expect((await recorded(await published("app/mirror")))["image"]).toBe(name("mirrored/run:2"));
  });

  test("of another repository is refused without force, and nothing changes", async () => {
    const before = await app("other");
    const image = await push("app/other", before);
    const run = await push("elsewhere/run:1", newBase);
    const refused = await line.run("rebase", "--publish", image, "--run-image", run);
    expect(refused.code).toBe(72);
    expect(refused.stderr).toContain("error NOT_REBASABLE: ");
    expect((await (await published("app/other"))?.manifest())?.digest).toBe((await before.manifest()).digest);
    await line.succeed("rebase", "--publish", image, "--run-image", run, "--force");
    expect((await recorded(await published("app/other")))["image"]).toBe(run);
  });

  test("is the registry's when images are published, although an older one is here", async () => {
    const image = await push("app/newest", await app("newest", "moving/run:1"));
    await line.local.write(oldBase, [parseReference(name("moving/run:1"))]);
    await push("moving/run:1", newBase);
    await line.succeed("rebase", "--publish", image);
    expect((await recorded(await published("app/newest")))["topLayer"]).toBe((await diffIds(newBase))[1]);
  });

  test("is this machine's in the local store, unless --pull-policy says otherwise", async () => {
    const image = name("app/local");
    await line.local.write(await app("local", "pulled/run:1"), [parseReference(image)]);
    await line.local.write(oldBase, [parseReference(name("pulled/run:1"))]);
    await push("pulled/run:1", newBase);
    const top = async (): Promise<unknown> =>
      (await recorded(await line.local.resolve(parseReference(image))))["topLayer"];
    await line.succeed("rebase", image, "--output", "local");
    expect(await top()).toBe((await diffIds(oldBase))[1]);
    // The application image is here only: never asks no registry, always would look there first.
    await line.succeed("rebase", image, "--run-image", name("pulled/run:1"), "--pull-policy", "never");
    expect(await top()).toBe((await diffIds(oldBase))[1]);
    await push("app/local", await app("local", "pulled/run:1"));
    await push("pulled/run:1", newBase);
    await line.succeed("rebase", image, "--pull-policy", "always");
    expect(await top()).toBe((await diffIds(newBase))[1]);
  });
});

describe("--plan", () => {
  test("says what would be done and why, and writes nothing", async () => {
    const image = await push("app/plan", await app("plan", "plan/run:1"));
    const onIt = await push("app/on-it", await app("on-it", "still/run:1"));
    await push("plan/run:1", newBase);
    const strange = await push("app/strange", await app("strange", "plan/other:1"));
    const writes = (): number => registry.seen.filter(({ method }) => method !== "GET" && method !== "HEAD").length;
    const before = writes();
    const lines = (await line.succeed("rebase", "--publish", "--plan", "--json", image, onIt)).trim().split("\n");
    const plans = new Map(
      lines.map((text) => JSON.parse(text) as { image: string; action: string }).map((plan) => [plan.image, plan]),
    );
    expect(plans.get(image)).toMatchObject({
      action: "rebase",
      layers: { removed: 2, added: 2, kept: 1 },
      from: { image: name("plan/run:1"), topLayer: (await diffIds(oldBase))[1] },
      to: { image: name("plan/run:1"), topLayer: (await diffIds(newBase))[1] },
    });
    expect(plans.get(onIt)?.action).toBe("none");
    const refused = await line.succeed("rebase", "--publish", "--plan", strange, "--run-image", name("plan/run:1"));
    expect(refused).toMatch(/^Would refuse to rebase /);
    expect(refused).toContain("not found in existing run image metadata");
    expect(writes()).toBe(before);
  });
});

describe("several images", () => {
  test("are rebased side by side with one look for the run image, in few requests each", async () => {
    const names = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        push(`many/app-${index}`, await app(`x${"y".repeat(index)}`, "many/run:1")),
      ),
    );
    await push("many/run:1", newBase);
    const before = registry.seen.length;
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    await line.succeed("rebase", "--publish", ...names);
    // They come with the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
    const seen = registry.seen.slice(before);
    expect(seen.filter(({ url }) => url.includes("/v2/many/run/manifests/1"))).toHaveLength(1);
    expect(seen.length / names.length).toBeLessThanOrEqual(12);
    for (const one of names) {
      const after = await store.resolve(parseReference(one));
      expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(newBase));
    }
  });

  test("are all tried, and the one that fails is named", async () => {
    const good = await push("app/good", await app("good", "good/run:1"));
    await push("good/run:1", newBase);
    const ran = await line.run("rebase", "--publish", name("app/missing"), good);
    expect(ran.code).toBe(72);
    expect(ran.stderr).toContain(`1 of 2 images failed: ${name("app/missing")}`);
    expect(ran.stdout).toContain(`Rebased ${good}`);
  });

  test("get their reports below their names", async () => {
    const [one, two] = [await push("app/one", await app("one")), await push("app/two", await app("two"))];
    const reports = join(line.directory, "reports");
    await line.succeed("rebase", "--publish", one, two, "--report-output-dir", reports);
    for (const image of [one, two])
      expect(readFileSync(join(reports, encodeURIComponent(image), "report.toml"), "utf8")).toContain(image);
    await line.succeed("rebase", "--publish", one, "--report-output-dir", reports);
    expect(readFileSync(join(reports, "report.toml"), "utf8")).toContain(one);
  });
});

describe("--previous-image", () => {
  test("is what is rebased, and stays as it is", async () => {
    const old = await push("app/previous", await app("previous", "previous/run:1"));
    const digest = (await (await published("app/previous"))?.manifest())?.digest;
    await push("previous/run:1", newBase);
    await line.succeed("rebase", "--publish", name("app/next"), "--previous-image", old);
    expect((await (await published("app/previous"))?.manifest())?.digest).toBe(digest);
    expect((await recorded(await published("app/next")))["topLayer"]).toBe((await diffIds(newBase))[1]);
  });

  test("can not become several images", async () => {
    const ran = await line.run("rebase", "a", "b", "--previous-image", "c");
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("--previous-image");
  });
});

describe("an image in a container engine", () => {
  test("is found there when it is only there, and rebased there", async () => {
    const engine = await startFakeEngine();
    const person = commandLine({ DOCKER_HOST: `unix://${engine.socket}` });
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      const directory = mkdtempSync(join(person.directory, "saved-"));
      const images = engineStore({ engine: connection, directory: () => directory });
      await push("engine/run:1", oldBase);
      const image = await app("engine", "engine/run:1");
      await images.write(image, [parseReference("in-engine:1")]);
      await push("engine/run:1", newBase);
      expect(await person.succeed("inspect", "in-engine:1", "--json")).toContain('"kind": "stale"');
      expect(await person.succeed("rebase", "in-engine:1", "--plan")).toMatch(/^Would rebase in-engine:1\n/);
      await person.succeed("rebase", "in-engine:1");
      const after = await images.resolve(parseReference("in-engine:1"));
      expect(await diffIds(after)).toEqual([...(await diffIds(newBase)), ...(await diffIds(image)).slice(2)]);
      expect(await person.local.list()).toEqual([]);
      await images.write(oldBase, [parseReference("only-in-engine/run:1")]);
      await person.succeed("rebase", "in-engine:1", "--run-image", "only-in-engine/run:1", "--force");
      expect(await diffIds(await images.resolve(parseReference("in-engine:1")))).toEqual(await diffIds(image));
      expect((await person.run("rebase", "not-there", "--output", "engine")).code).toBe(72);
    } finally {
      await connection.close();
      await engine.close();
      person.remove();
    }
  });

  test("that does not answer is named when it is asked for", async () => {
    const ran = await line.run("rebase", "hello", "--output", "engine");
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("error ENGINE_UNREACHABLE");
  });
});

describe("an image in a file", () => {
  const skopeo = isInstalled("skopeo");
  if (!skopeo && process.env["CI"] !== undefined) throw new Error("CI needs skopeo");

  test("a layout: its entry is replaced under its name, and others stay", async () => {
    const path = join(line.directory, "layout");
    const layout = layoutStore(path);
    await push("file/run:1", newBase);
    await layout.write(await app("layout", "file/run:1"), [parseReference("one"), parseReference("two")]);
    await push("file/run:1", newBase);
    await line.succeed("rebase", `oci:${path}:index.docker.io/library/one:latest`);
    expect((await recorded(await layout.resolve(parseReference("one"))))["topLayer"]).toBe((await diffIds(newBase))[1]);
    expect((await recorded(await layout.resolve(parseReference("two"))))["topLayer"]).toBe((await diffIds(oldBase))[1]);
    const ambiguous = await line.run("rebase", `oci:${path}`);
    expect(ambiguous.stderr).toContain("error IMAGE_NOT_FOUND");
    expect(ambiguous.stderr).toContain("add the name of one of them after the path");
  });

  test.each(["oci-archive", "docker-archive"] as const)("an %s is replaced as a whole", async (kind) => {
    const path = join(line.directory, `${kind}.tar`);
    const image = await app(kind, `${kind}/run:1`);
    await push(`${kind}/run:1`, newBase);
    await archiveSink(kind, path).write(image, [parseReference("hello:1")]);
    await line.succeed("rebase", `${kind}:${path}`);
    if (!skopeo) return;
    const inspected = JSON.parse(
      execFileSync("skopeo", ["inspect", "--config", `${kind}:${path}`], { encoding: "utf8" }),
    ) as { rootfs: { diff_ids: string[] } };
    expect(inspected.rootfs.diff_ids).toEqual([...(await diffIds(newBase)), ...(await diffIds(image)).slice(2)]);
    const listing = execFileSync("tar", ["-xOf", path, kind === "oci-archive" ? "index.json" : "manifest.json"], {
      encoding: "utf8",
    });
    expect(listing).toContain("hello:1");
    expect(existsSync(join(line.directory, "home/data/builds"))).toBe(true);
  });

  test.each([
    ["oci:", 3],
    ["oci-archive:missing.tar", 1],
    ["docker-archive:.", 1],
    ["oci:nowhere", 72],
    ["Not A Name", 3],
  ])("%j is refused", async (place, code) => {
    expect((await line.run("rebase", place)).code).toBe(code);
  });

  test("is not what --publish is for another store of", async () => {
    expect((await line.run("rebase", "a", "--publish", "--output", "engine")).code).toBe(3);
  });
});

describe("an index of several platforms", () => {
  /** Pushes run images of both platforms under one name, and gives them back. */
  const pushIndex = async (path: string, images: readonly Image[], more: Partial<Index> = {}): Promise<string> => {
    const ref = parseReference(name(path));
    const manifests: Descriptor[] = [];
    for (const image of images) {
      const { digest, bytes, value } = await image.manifest();
      const { os, architecture } = (await image.config()).value;
      await store.write(image, [withDigest(ref, digest)]);
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
    await store.writeIndex(
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
    store.resolve(parseReference(name(path)), { platform: { os: "linux", architecture } });

  test("each image gets the run image of its platform; annotations and order stay, and a tag leads to all", async () => {
    const [old, fresh] = [bases(100), bases(200)];
    await pushIndex("multi/run:1", old);
    const before = await apps("multi", "multi/run:1", old);
    const image = await pushIndex("multi/app:1", before, { annotations: { team: "a" } });
    await pushIndex("multi/run:1", fresh);
    const planned = JSON.parse(await line.succeed("rebase", "--publish", "--plan", "--json", image)) as RebasePlan;
    expect(planned).toMatchObject({ action: "rebase", platforms: [{ platform: "linux/amd64" }, { action: "rebase" }] });
    const inspected = JSON.parse(await line.succeed("inspect", "--json", image)) as Inspection;
    expect(inspected.index).toEqual({
      digest: (await store.readIndex(parseReference(image)))?.digest,
      images: await Promise.all(
        platforms.map(async (architecture, at) => ({
          platform: `linux/${architecture}`,
          digest: (await before[at]?.manifest())?.digest,
        })),
      ),
    });
    expect(await line.succeed("inspect", image)).toContain(`linux/arm64 ${inspected.index?.images[1]?.digest}`);
    const reports = join(line.directory, "index-reports");
    const printed = await line.succeed("rebase", "--publish", image, "--report-output-dir", reports);
    const index = await store.readIndex(parseReference(image));
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
    expect(await line.succeed("rebase", "--publish", "--plan", image)).toMatch(/^Nothing to do for .*linux\/amd64/);
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
    await store.write(attestation, [withDigest(ref, digest)]);
    const unknown = { os: "unknown", architecture: "unknown" };
    const note = { mediaType: ociTypes.manifest, digest, size: bytes.length, platform: unknown };
    const image = await pushIndex("foreign/app:1", [app1 as Image], { manifests: [note] });
    await pushIndex("foreign/run:1", [newest]);
    const ran = await line.run("rebase", "--publish", name("foreign/next:1"), "--previous-image", image);
    expect(ran.stderr).toContain("1 attestations");
    expect(ran.code).toBe(0);
    expect((await store.readIndex(parseReference(name("foreign/next:1"))))?.value.manifests).toHaveLength(1);
    expect((await diffIds(await of("foreign/next:1", foreign))).slice(0, 2)).toEqual(await diffIds(newest));
    expect((await store.readIndex(ref))?.value.manifests).toHaveLength(2);
  });

  test("stays as it was when one platform has no run image", async () => {
    const old = bases(400);
    await pushIndex("half/run:1", old);
    const image = await pushIndex("half/app:1", await apps("half", "half/run:1", old));
    const before = (await store.readIndex(parseReference(image)))?.digest;
    await pushIndex("half/run:1", [bases(500)[0] as Image]);
    const ran = await line.run("rebase", "--publish", image);
    expect(ran.code).toBe(72);
    expect(ran.stderr).toContain("error REBASE_FAILED: linux/arm64: ");
    expect((await store.readIndex(parseReference(image)))?.digest).toBe(before);
  });

  /** A layout with the index of a registry, as `skopeo copy --all` makes it. */
  const layoutOf = async (image: string, path: string, entry: string): Promise<void> => {
    const index = await store.readIndex(parseReference(image));
    if (index === undefined) throw new Error(`no index ${image}`);
    const layout = layoutIndex(path, entry);
    for (const { digest } of index.value.manifests) {
      const one = await store.resolve(withDigest(parseReference(image), digest));
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
    const path = join(line.directory, "index-layout");
    await layoutOf(image, path, "app");
    await layoutOf(image, path, "other");
    const [, other] = entriesOf(path);
    await pushIndex("layout/run:1", fresh);
    const planned = JSON.parse(await line.succeed("rebase", "--plan", "--json", `oci:${path}:app`)) as RebasePlan;
    expect(planned).toMatchObject({ action: "rebase", platforms: [{ platform: "linux/amd64" }, { action: "rebase" }] });
    expect(await line.succeed("rebase", `oci:${path}:app`)).toContain(`oci:${path}:app`);
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
    expect(await line.succeed("rebase", "--plan", `oci:${path}:app`)).toContain("Nothing to do");
    if (isInstalled("skopeo")) execFileSync("skopeo", ["copy", "--all", `oci:${path}:app`, `oci:${path}-copy`]);
    await line.succeed("rebase", "--publish", name("layout/sent:1"), "--previous-image", `oci:${path}:other`);
    expect((await store.readIndex(parseReference(name("layout/sent:1"))))?.digest).toBe(entry?.digest);
  });

  test("may stand in a layout side by side, or without an image for this machine", async () => {
    const [old, fresh] = [bases(800), bases(900)];
    await pushIndex("side/run:1", old);
    const image = await pushIndex("side/app:1", await apps("side", "side/run:1", old));
    const path = join(line.directory, "side-layout");
    await layoutOf(image, path, "x");
    const index = await store.readIndex(parseReference(image));
    const { architecture: own } = machinePlatform();
    const foreign = index?.value.manifests.filter(({ platform }) => platform?.architecture !== own) ?? [];
    await pushIndex("side/run:1", fresh);
    const write = (manifests: readonly Descriptor[]): void =>
      writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    write(index?.value.manifests ?? []);
    await line.succeed("rebase", `oci:${path}`);
    expect(entriesOf(path)).toHaveLength(2);
    for (const [at, architecture] of platforms.entries()) {
      const after = await readLayout(path, { platform: { os: "linux", architecture } });
      expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(fresh[at]));
    }
    const only = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests: foreign });
    write([]);
    await layoutIndex(path, undefined).write(only);
    await line.succeed("rebase", `oci:${path}`);
    const [architecture = ""] = platforms.filter((one) => one !== own);
    const after = await readLayout(path, { platform: { os: "linux", architecture } });
    expect((await diffIds(after)).slice(0, 2)).toEqual(
      await diffIds(fresh[platforms.indexOf(architecture as "amd64")]),
    );
  });

  test("in a layout stays as it was when one platform has no run image", async () => {
    const old = bases(1000);
    await pushIndex("halfway/run:1", old);
    const path = join(line.directory, "half-layout");
    await layoutOf(await pushIndex("halfway/app:1", await apps("halfway", "halfway/run:1", old)), path, "app");
    const before = entriesOf(path);
    await pushIndex("halfway/run:1", [bases(1100)[0] as Image]);
    expect((await line.run("rebase", `oci:${path}`)).code).toBe(72);
    expect(entriesOf(path)).toEqual(before);
  });
});
