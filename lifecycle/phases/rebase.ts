import { hasFeature } from "../cnb/api/platform.ts";
import { decodeLayersMetadata, encodeLayersMetadata, type LayersMetadata } from "../cnb/files/lifecycle-metadata.ts";
import type { Report } from "../cnb/files/report.ts";
import { recordedRunImage } from "../cnb/run-image.ts";
import { TspackError } from "../errors.ts";
import { parseDiffId } from "../oci/digest.ts";
import type { Image } from "../oci/image.ts";
import { mutate, setCreated, setLabels, topLayer, variable } from "../oci/mutate.ts";
import { rebase } from "../oci/rebase.ts";
import type { ImageRef } from "../oci/reference.ts";
import type { WriteReport } from "../stores/store.ts";
import { imageIdentifier, imageName } from "./analyze/naming.ts";
import { selectRunImage } from "./analyze/run-image.ts";
import { targetOf } from "./analyze/target.ts";
import { defaultCreated } from "./export/plan-export.ts";
import { type Saved, saveImage, unsaved } from "./export/save.ts";
import { inPhase } from "./in-phase.ts";
import { noLayersMetadata } from "./no-layers-metadata.ts";
import { checkStack, type Labels } from "./rebase/check-stack.ts";
import { checkTarget } from "./rebase/check-target.ts";
import type { RebaseInputs, RebasePorts } from "./rebase/inputs.ts";
import { followedLabels, type NewBase, rebasedMetadata } from "./rebase/plan-rebase.ts";

export type { RebaseInputs, RebasePorts } from "./rebase/inputs.ts";

const metadataLabel = "io.buildpacks.lifecycle.metadata";

/** What rebase did: `report.toml`, the run image it took and the image. */
export interface RebaseResult {
  readonly report: Report;
  readonly runImage: NewBase;
  readonly image: Image;
  readonly written: WriteReport;
}

/**
 * Puts an app image on another run image: manifest and config only, no layer is read. Platform
 * specification, rebaser. Throws `REBASE_FAILED`, and `NOT_REBASABLE` for what force would allow.
 */
export async function rebaseImage(inputs: RebaseInputs, ports: RebasePorts): Promise<RebaseResult> {
  const { ctx, images } = ports;
  const app = await settingApp(ports, () => openApp(inputs, ports));
  const runRef = inputs.runImage ?? (await settingApp(ports, () => chooseRunImage(app.metadata, inputs, ports)));
  const base = await images.resolve(runRef);
  if (base === undefined) {
    throw new TspackError("IMAGE_NOT_FOUND", `failed to access run image ${runRef.original}`, {
      hint: "check its name, or log in to its registry",
    });
  }
  const failure = { keep: ["NOT_REBASABLE"], code: "REBASE_FAILED", prefix: "failed to rebase" } as const;
  return inPhase({ ...failure, signal: ctx.signal }, async () => {
    await checkBases(app.image, base, inputs, ports);
    const newBase = await describeBase(base, runRef, inputs);
    const image = await rebased(app, base, newBase, inputs, ports);
    const { report: saved, written } = await save(image, runRef, inputs, ports);
    const report: Report = { bom: [], image: saved };
    return { report, runImage: newBase, image, written };
  });
}

interface App {
  readonly image: Image;
  readonly metadata: LayersMetadata;
}

async function openApp({ appImage }: RebaseInputs, { images }: RebasePorts): Promise<App> {
  const image = await images.resolve(appImage).catch((cause: unknown) => {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    throw new TspackError("REBASE_FAILED", "failed to access image to rebase", { cause, hint: cause.hint });
  });
  if (image === undefined) {
    throw new TspackError("REBASE_FAILED", "failed to access image to rebase", {
      hint: `there is no image ${appImage.original}`,
    });
  }
  const label = (await labelsOf(image))[metadataLabel] ?? "";
  return { image, metadata: label === "" ? noLayersMetadata : decodeLayersMetadata(label) };
}

async function chooseRunImage(metadata: LayersMetadata, inputs: RebaseInputs, ports: RebasePorts): Promise<ImageRef> {
  const { features, appImage: output } = inputs;
  const declared = recordedRunImage(metadata, features);
  if (declared !== undefined) return selectRunImage({ features, given: undefined, declared, output }, ports.access);
  throw new TspackError(
    "REBASE_FAILED",
    "failed to parse arguments: -run-image is required when there is no run image metadata available",
    { hint: `the image has no label ${metadataLabel}: buildpacks did not make it` },
  );
}

/** What has to fit depends on the Platform API that the app was built with, not on ours. */
async function checkBases(app: Image, base: Image, { force }: RebaseInputs, { ctx }: RebasePorts): Promise<void> {
  const api = variable((await app.config()).value.config?.Env, "CNB_PLATFORM_API") ?? "";
  const labels = await labelsOf(app);
  if (api === "" || !hasFeature(api, "rebaseTargets")) return checkStack(labels, await labelsOf(base));
  const rebasable = labels["io.buildpacks.rebasable"];
  checkTarget({ rebasable, app: await targetOf(app), newBase: await targetOf(base), force }, ctx.logger);
}

async function describeBase(base: Image, ref: ImageRef, { layoutDir }: RebaseInputs): Promise<NewBase> {
  const top = await topLayer(base);
  if (top === undefined)
    throw new TspackError("REBASE_FAILED", "get rebase run image top layer SHA: image has no layers");
  const reference = await imageIdentifier(ref, base, layoutDir);
  return { name: imageName(ref, layoutDir), reference, topLayer: top };
}

async function rebased(
  { image, metadata }: App,
  base: Image,
  newBase: NewBase,
  inputs: RebaseInputs,
  { ctx }: RebasePorts,
): Promise<Image> {
  const oldTop = parseDiffId(metadata.runImage.topLayer, `${metadataLabel}: runImage.topLayer`);
  const moved = await rebase(image, oldTop, base);
  const after = rebasedMetadata(metadata, newBase, inputs, ctx.logger);
  const labels = followedLabels(await labelsOf(image), await labelsOf(base), inputs.features);
  return mutate(
    moved,
    setLabels({ ...labels, [metadataLabel]: encodeLayersMetadata(after) }),
    setCreated(defaultCreated, { keep: inputs.features.history }),
  );
}

function save(image: Image, runRef: ImageRef, inputs: RebaseInputs, { sink, ctx }: RebasePorts): Promise<Saved> {
  const { appImage, outputImages: refs, layoutDir } = inputs;
  if (inputs.dryRun === true) return unsaved(image, refs, layoutDir);
  const job = { image, refs, mountFrom: [appImage, runRef], layoutDir, failure: "REBASE_FAILED" } as const;
  return saveImage(job, sink, ctx);
}

async function labelsOf(image: Image): Promise<Labels> {
  return (await image.config()).value.config?.Labels ?? {};
}

/** What goes wrong with the app image, in the words that platforms know. */
function settingApp<T>({ ctx }: RebasePorts, work: () => Promise<T>): Promise<T> {
  return inPhase({ code: "REBASE_FAILED", prefix: "failed to set app image", signal: ctx.signal }, work);
}
