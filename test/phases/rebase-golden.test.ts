import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Digest, DiffId } from "../../lifecycle/oci/digest.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { decodeConfig, encodeConfig } from "../../lifecycle/oci/image-config.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { formatOf, ociTypes } from "../../lifecycle/oci/media-type.ts";
import { imageFromParts } from "../../lifecycle/oci/memory-image.ts";
import { type ImageRef, parseReference, refName } from "../../lifecycle/oci/reference.ts";
import { rebaseImage, type RebaseInputs } from "../../lifecycle/phases/rebase.ts";
import { readLayout } from "../../lifecycle/stores/layout/read-layout.ts";
import type { ImageSink, ImageSource } from "../../lifecycle/stores/store.ts";
import { goldenRoot } from "../oci/golden-root.ts";
import { readJson, type Scenario } from "./export-scenario.ts";

const folder = join(goldenRoot ?? "", "14-rebase");
const names = goldenRoot === undefined ? [] : readdirSync(folder);

// The recorded rebaser gives every line of the history away; we keep what the layers that stay say.
describe.skipIf(goldenRoot === undefined)("rebase does what is recorded, and keeps the history", () => {
  test.each(names)("%s", async (name) => {
    const scenario = readJson(join(folder, name, "scenario.json")) as Scenario;
    const [first, second] = scenario.builds;
    const step = second?.steps[0];
    if (first === undefined || second === undefined || step === undefined) throw new Error("two builds are recorded");
    const inputs = inputsOf(scenario, step);
    const store = stubStore();
    store.add(parseReference(first.image), await appImage(join(folder, name, "expected", first.name), scenario));
    const base = await runImage(second.newRunImage ?? "base-b");
    for (const run of [
      "registry.localhost/run/base-a:v1",
      "registry.localhost/run/base-b:v1",
      scenario.runImageReference,
    ])
      store.add(parseReference(run), base);
    if (inputs.runImage !== undefined) store.add(inputs.runImage, base);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void warnings.push(`Warning: ${line}`) };
    const ctx: Context = {
      logger,
      progress: silentProgress,
      clock: () => new Date(),
      signal: new AbortController().signal,
    };
    const rebased = rebaseImage(inputs, { images: store, sink: store, ctx });
    if (!second.succeeded) {
      const error = await rebased.then(
        () => new Error("it was not refused"),
        (cause: Error) => cause,
      );
      expect(`ERROR: ${error.message}\n`).toBe(step.stdout);
      expect(error).toMatchObject({ code: "NOT_REBASABLE" });
      return;
    }
    const { image, report } = await rebased;
    expect(warnings).toEqual(step.warnings ?? []);
    await compare(
      image,
      base,
      join(folder, name, "expected"),
      second.name,
      platformFeatures(step.env?.["CNB_PLATFORM_API"] ?? scenario.platformAPI).history,
    );
    expect(report.image.tags).toEqual(
      step.args
        .filter((arg) => arg.startsWith("registry.localhost/apps/14-rebase"))
        .slice(name === "previous-image" ? 1 : 0),
    );
  });
});

async function compare(image: Image, base: Image, expected: string, build: string, keeps: boolean): Promise<void> {
  const golden = readFileSync(join(expected, build, "config.json"), "utf8");
  const { value } = await image.config();
  const created = "1980-01-01T00:00:01Z";
  const bare = encodeConfig({ ...value, history: value.rootfs.diff_ids.map(() => ({ created })) });
  expect(Buffer.from(bare.bytes).toString()).toBe(golden);
  const app = decodeConfig(readFileSync(join(expected, "app", "config.json")), "config").value.history ?? [];
  const baseLayers = (await base.layers()).length;
  const kept = value.history?.slice(baseLayers).map((line) => line.created_by);
  const appLines = app.slice(-(value.rootfs.diff_ids.length - baseLayers)).map((line) => line.created_by);
  expect(kept).toEqual(keeps ? appLines : appLines.map(() => undefined));
}

type RecordedStep = Scenario["builds"][number]["steps"][number];

function inputsOf({ platformAPI }: Scenario, { args, env }: RecordedStep): RebaseInputs {
  const valueOf = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const values = ["-report", "-run-image", "-previous-image"].map(valueOf);
  const outputs = args.filter((arg) => !arg.startsWith("-") && !values.includes(arg));
  const outputImages = (outputs.length === 0 ? args.slice(-1) : outputs).map((name) => parseReference(name));
  const previous = valueOf("-previous-image");
  const run = valueOf("-run-image");
  return {
    features: platformFeatures(env?.["CNB_PLATFORM_API"] ?? platformAPI),
    appImage: previous === undefined ? (outputImages[0] as ImageRef) : parseReference(previous),
    outputImages,
    runImage: run === undefined ? undefined : parseReference(run),
    force: args.includes("-force"),
  };
}

/** The recorded app image; its layers cannot be read, as a rebase has no reason to. */
async function appImage(expected: string, { runImage: name }: Scenario): Promise<Image> {
  const config = decodeConfig(readFileSync(join(expected, "config.json")), "config").value;
  const { mediaType } = (await (await runImage(name)).manifest()).value;
  const layers = config.rootfs.diff_ids.map(unreadableLayer);
  return imageFromParts({ config, layers, format: formatOf(mediaType) });
}

async function runImage(name: string): Promise<Image> {
  const image = await readLayout(join(goldenRoot ?? "", "run-images", name), {
    platform: { os: "linux", architecture: name.includes("arm") ? "arm64" : "amd64" },
  });
  if (image === undefined) throw new Error(`no run image ${name}`);
  return image;
}

function unreadableLayer(diffId: DiffId): Layer {
  const digest = diffId as string as Digest;
  return {
    diffId,
    descriptor: () => Promise.resolve({ mediaType: ociTypes.layerGzip, digest, size: 1 }),
    compressed: refuseToRead,
    uncompressed: refuseToRead,
  };
}

function refuseToRead(): never {
  throw new Error("a rebase reads no layer");
}

/** Images by name; writing reads the manifest and the config only. */
function stubStore(): ImageSource & ImageSink & { add(ref: ImageRef, image: Image): void } {
  const images = new Map<string, Image>();
  return {
    add: (ref, image) => void images.set(refName(ref), image),
    resolve: (ref) => Promise.resolve(images.get(refName(ref))),
    write: async (image, refs) => {
      for (const ref of refs) images.set(refName(ref), image);
      const { digest, bytes } = await image.manifest();
      return { digest, manifestSize: bytes.length, layers: [] };
    },
  };
}

test.skipIf(goldenRoot === undefined)("every recorded rebase is there", () => {
  expect(names.length).toBeGreaterThan(15);
  expect(existsSync(folder)).toBe(true);
});
