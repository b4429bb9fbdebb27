import type { Report } from "../cnb/files/report.ts";
import { hashFirst } from "../layers/hash-first.ts";
import type { DiffId } from "../oci/digest.ts";
import type { Image } from "../oci/image.ts";
import type { Layer } from "../oci/layer.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { imageIdentifier } from "./analyze/naming.ts";
import { noRunImage } from "./export/analyzed-images.ts";
import { announce, applyPlan } from "./export/apply.ts";
import { atOnce } from "./export/at-once.ts";
import { buildBom } from "./export/build-bom.ts";
import { exportCache } from "./export/cache.ts";
import { collect } from "./export/collect.ts";
import { expectedLayers } from "./export/expected-layers.ts";
import type { ExportFacts } from "./export/facts.ts";
import { extensionFact, packExtensionLayers, withExtendedConfig } from "./export/extended-run-image.ts";
import type { ExportInputs, ExportPorts } from "./export/inputs.ts";
import { keepLaunchLayers } from "./export/launch-cache.ts";
import { type Packer, packer } from "./export/packer.ts";
import type { ExportPlan } from "./export/plan.ts";
import { createdTime, planExport } from "./export/plan-export.ts";
import { type PreviousLayers, readPrevious } from "./export/previous-layers.ts";
import { mountableFrom, type Saved, saveImage, unsaved } from "./export/save.ts";
import { type SendAhead, sendAhead } from "./export/send-ahead.ts";
import { copyLifecycleSboms } from "./export/sboms.ts";
import { inPhase } from "./in-phase.ts";

export type { ExportInputs, ExportPorts, LauncherFiles, LifecycleVersion } from "./export/inputs.ts";
export type { ExtendedRunImage } from "./export/extended-run-image.ts";
export type { ExportPlan, PlannedLayer } from "./export/plan.ts";
export { planExport } from "./export/plan-export.ts";

/** What export did: `report.toml`, the plan and what became of each layer. */
export interface ExportResult {
  readonly report: Report;
  readonly plan: ExportPlan;
  readonly image: Image;
  readonly written: Saved["written"];
}

/**
 * Makes the app image of what build left, writes it, and keeps the cached layers, with `parallel`
 * at the same time. Platform specification, exporter. Throws `IMAGE_NOT_FOUND` without a run
 * image, `EXPORT_FAILED` for the rest; a cache that cannot be written is a warning.
 */
export async function exportImage(inputs: ExportInputs, ports: ExportPorts): Promise<ExportResult> {
  const { ctx, cache, blobs, trees } = ports;
  const previousLayers = readPrevious(inputs, ports);
  const runImage = await openRunImage(inputs, ports);
  const base = await withExtendedConfig(runImage, inputs.analyzed.runImage?.extend === true, inputs.extendedRunImage);
  warnOfBadTime(inputs, ports);
  const expected = await expectedLayers(inputs.analyzed.metadata, cache);
  const written = inputs.dryRun === true ? undefined : cache;
  const { known } = ports;
  const ahead = sendAhead(inputs, ports, expected.all);
  const newBlobs = ahead.streaming(blobs);
  const layerPacker = packer({
    owner: inputs.owner,
    blobs,
    newBlobs,
    signal: ahead.signal,
    expected,
    known,
    cache: written,
  });
  const appBlobs = hashFirst(newBlobs, expected.all, () => blobs);
  const failure = { code: "EXPORT_FAILED", prefix: "failed to export", signal: ctx.signal } as const;
  const image = (): Promise<ExportResult> =>
    inPhase(failure, () =>
      makeImage(inputs, ports, { runImage, base, previousLayers, packer: layerPacker, appBlobs, ahead }),
    );
  const keep = async (signal: AbortSignal): Promise<void> => {
    if (written !== undefined)
      await exportCache(inputs, { cache: written, packer: layerPacker, trees, ctx: { ...ctx, signal } });
  };
  try {
    const result = inputs.parallel === true ? await atOnce(image, keep, ctx.signal) : await image();
    if (inputs.parallel !== true) await keep(ctx.signal);
    if (inputs.dryRun !== true) known?.save();
    return result;
  } finally {
    ahead.stop();
    // Nothing is left of it after a commit; after a failure it would take space.
    await written?.abandon?.();
  }
}

/** What the image is made on and with. */
interface Making {
  readonly runImage: Image;
  /** The run image, with the config that extensions gave it. */
  readonly base: Image;
  readonly previousLayers: () => Promise<PreviousLayers>;
  readonly packer: Packer;
  readonly appBlobs: BlobCache;
  readonly ahead: SendAhead;
}

async function makeImage(inputs: ExportInputs, ports: ExportPorts, making: Making): Promise<ExportResult> {
  const { ctx, launchCache } = ports;
  const { extendedRunImage: extended } = inputs;
  const { runImage, base } = making;
  copyLifecycleSboms(inputs, ctx.logger);
  const { facts, layers: packed } = await collect(inputs, { ...ports, blobs: making.appBlobs }, making);
  // These are streams that are read once: nothing can hash them first.
  const extensions = extended === undefined ? [] : await packExtensionLayers(extended, runImage, ports);
  const { layers: previous, isStored } = await making.previousLayers();
  const about = { ...facts, ...(await aboutImages(inputs, { runImage, base, previous })) };
  const plan = planExport({ ...about, extensions: extensions.map(extensionFact) }, inputs);
  announce(plan, ctx.logger);
  const extensionLayers = extensions.map(({ layer }) => [layer.diffId, layer] as const);
  const sources = { packed: new Map([...packed, ...extensionLayers]), previous, preferPrevious: isStored };
  const image = applyPlan(plan, base, sources);
  const { report: saved, written } = await save(image, inputs, ports);
  if (launchCache !== undefined) await keepLaunchLayers(plan, image, launchCache, ctx);
  const report: Report = { bom: buildBom(inputs), image: saved };
  return { report, plan, image, written };
}

async function openRunImage({ runImage: ref }: ExportInputs, { images }: ExportPorts): Promise<Image> {
  const image = await images.resolve(ref);
  if (image !== undefined && (await image.config()).value.rootfs.diff_ids.length > 0) return image;
  throw noRunImage(image === undefined ? `run image ${ref.original} was not found` : "image has no layers");
}

interface AboutImages extends Pick<Making, "runImage" | "base"> {
  readonly previous: ReadonlyMap<DiffId, Layer>;
}

async function aboutImages(
  { runImage: ref, layoutDir }: ExportInputs,
  { runImage, base, previous }: AboutImages,
): Promise<Pick<ExportFacts, "runImage" | "previousLayers">> {
  const { value } = await base.config();
  return {
    runImage: {
      reference: await imageIdentifier(ref, runImage, layoutDir),
      digest: runImage.engineId ?? (await runImage.manifest()).digest,
      topLayer: value.rootfs.diff_ids.at(-1) as DiffId,
      env: value.config?.Env ?? [],
    },
    previousLayers: new Set(previous.keys()),
  };
}

function save(image: Image, inputs: ExportInputs, { sink, ctx }: ExportPorts): Promise<Saved> {
  const { outputImages: refs, layoutDir } = inputs;
  if (inputs.dryRun === true) return unsaved(image, refs, layoutDir);
  return saveImage({ image, refs, mountFrom: mountableFrom(inputs), layoutDir, failure: "EXPORT_FAILED" }, sink, ctx);
}

function warnOfBadTime(inputs: ExportInputs, { ctx }: ExportPorts): void {
  const given = (inputs.sourceDateEpoch ?? "") !== "" && inputs.features.sourceDateEpoch;
  if (given && createdTime(inputs) === undefined) ctx.logger.warn("Ignoring invalid SOURCE_DATE_EPOCH");
}
