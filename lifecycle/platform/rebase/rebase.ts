import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encodeReport, type Report } from "../../cnb/files/report.ts";
import type { Context } from "../../context.ts";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { inParallel } from "../../phases/in-parallel.ts";
import type { RebaseResult } from "../../phases/rebase.ts";
import { pulledImages } from "../build/pulled-images.ts";
import { familiarName } from "../familiar-name.ts";
import { severalPlatforms } from "../image-places/file-places.ts";
import type { ImagePlace } from "../image-places/image-place.ts";
import { withImagePlaces } from "../image-places/open-places.ts";
import { isFilePlace, parsePlace } from "../image-places/parse-place.ts";
import { checkDirectory } from "../output/check-directory.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { Tools } from "../tools.ts";
import { baseImages, runImageSource } from "./base-images.ts";
import { planOf, refusedPlan } from "./plan.ts";
import { type IndexSubject, planIndex, rebaseIndex } from "./rebase-index.ts";
import { quiet, type RebaseJob, rebaseSubject, type RebaseSubject } from "./rebase-job.ts";
import type { PlatformSummary, RebaseOutcome, RebasePlan, RebaseRequest, RebaseSummary } from "./request.ts";

/** Images that are rebased at a time: more wait for the registry's answers without being faster. */
const atATime = 8;

/**
 * Puts an image on a new base. Throws `REBASE_FAILED`, `NOT_REBASABLE`, `IMAGE_NOT_FOUND`,
 * `INVALID_ARGUMENTS`.
 */
export async function rebase(request: RebaseRequest, tools: Tools): Promise<RebaseSummary> {
  return withRebase(request, tools, (job) => rebaseOne(request.image, job, tools.ctx));
}

/** What `rebase` would do; nothing is changed. Throws what `rebase` throws, but for a refusal. */
export async function planRebase(request: RebaseRequest, tools: Tools): Promise<RebasePlan> {
  return withRebase(request, tools, (job) => planOne(request.image, job, tools.ctx));
}

/** What several images are rebased with. */
export interface RebaseAllOptions {
  /** Only plan: nothing is changed. */
  readonly plan?: boolean | undefined;
  /** Gets each outcome as it comes. */
  readonly onOutcome: (outcome: RebaseOutcome) => void;
}

/**
 * Puts several images on new bases, several at a time; each run image is looked for once. One that
 * fails does not keep the others from it. Throws `INVALID_ARGUMENTS`, `CANCELED`.
 */
export async function rebaseAll(
  images: readonly string[],
  request: Omit<RebaseRequest, "image">,
  tools: Tools,
  { plan = false, onOutcome }: RebaseAllOptions,
): Promise<void> {
  checkTogether(images, request);
  await withRebase(request, tools, async (job) => {
    const many = images.length > 1;
    await inParallel([...new Set(images)], atATime, async (image) => {
      const ctx = many ? quiet(tools.ctx, image) : tools.ctx;
      try {
        if (plan) onOutcome({ image, plan: await planOne(image, job, ctx) });
        else onOutcome({ image, summary: await rebaseOne(image, { ...job, many }, ctx) });
      } catch (error) {
        if (tools.ctx.signal.aborted) throw error;
        onOutcome({ image, error });
      }
    });
  });
}

/** One name for several images would keep the last one only. */
function checkTogether(images: readonly string[], { previousImage }: Omit<RebaseRequest, "image">): void {
  if (previousImage === undefined || images.length === 1) return;
  const issue = { source: "--previous-image", path: "", expected: "one image", got: `${images.length} images` };
  throw new InputError("INVALID_ARGUMENTS", "one previous image can not become several images", [issue]);
}

async function withRebase<T>(
  request: Omit<RebaseRequest, "image">,
  tools: Tools,
  work: (job: RebaseJob) => Promise<T>,
): Promise<T> {
  const runImage = request.runImage === undefined ? undefined : parseReference(request.runImage, "--run-image");
  if (request.previousImage !== undefined) parsePlace(request.previousImage, "--previous-image");
  checkReportDirectory(request, tools);
  if (request.publish === true && request.output !== undefined && request.output !== "registry") {
    const issue = { source: "--publish", path: "", expected: "no other --output", got: request.output };
    throw new InputError("INVALID_ARGUMENTS", "an image goes to one place", [issue]);
  }
  return withImagePlaces(tools, async (places) => {
    const policy = request.pullPolicy ?? tools.settings.pullPolicy;
    const own = runImageSource(tools, policy, storeOf(request) === "registry");
    // What the engine has need not be sent there again.
    const inEngine: ImageSource = {
      resolve: async (ref, options) => {
        const { store } = await places.engine();
        if (policy === "always") return (await own.resolve(ref, options)) ?? store.resolve(ref, options);
        return (await store.resolve(ref, options)) ?? own.resolve(ref, options);
      },
    };
    return work({ request, runImage, places, bases: baseImages(own), engineBases: baseImages(inEngine), tools });
  });
}

function storeOf({ publish, output }: Omit<RebaseRequest, "image">): RebaseRequest["output"] {
  return publish === true ? "registry" : output;
}

async function planOne(image: string, job: RebaseJob, ctx: Context): Promise<RebasePlan> {
  const opened = await openImage(image, job);
  if ("index" in opened) return planIndex(image, opened, job, ctx);
  try {
    return await planOf(image, opened.image, await rebaseSubject(opened, job, ctx, true));
  } catch (error) {
    if (!(error instanceof TspackError) || error.code !== "NOT_REBASABLE") throw error;
    return refusedPlan(image, opened.image, error);
  }
}

async function rebaseOne(image: string, job: RebaseJob, ctx: Context): Promise<RebaseSummary> {
  const began = ctx.clock().getTime();
  const opened = await openImage(image, job);
  const seconds = (): number => (ctx.clock().getTime() - began) / 1000;
  if ("index" in opened) {
    const { digest, images } = await rebaseIndex(opened, job, ctx);
    for (const { platform, result } of images) await writeReport(image, result.report, job, platform);
    const platforms = images.map(({ platform, result }) => ({ platform, ...resultOf(result) }));
    const layersSent = platforms.reduce((sum, one) => sum + one.layersSent, 0);
    const name = nameOf(image, opened.place);
    return { image: name, digest, runImage: "", topLayer: "", layersSent, platforms, seconds: seconds() };
  }
  const result = await rebaseSubject(opened, job, ctx, false);
  await writeReport(image, result.report, job);
  return { image: nameOf(image, opened.target), ...resultOf(result), seconds: seconds() };
}

function nameOf(image: string, { ref }: Pick<ImagePlace, "ref">): string {
  return isFilePlace(image) ? image : familiarName(ref);
}

type PlaceOfIndex = IndexSubject["place"];

function hasIndexes(place: ImagePlace): place is PlaceOfIndex {
  return place.indexes !== undefined;
}

function resultOf({ written, runImage }: RebaseResult): Omit<PlatformSummary, "platform"> {
  return {
    digest: written.digest,
    runImage: runImage.reference,
    topLayer: runImage.topLayer,
    layersSent: written.layers.filter(({ outcome }) => outcome === "sent").length,
  };
}

async function openImage(name: string, job: RebaseJob): Promise<RebaseSubject | IndexSubject> {
  const { request, places } = job;
  const place = await places.open(name, storeOf(request));
  const from = request.previousImage === undefined ? place : await places.open(request.previousImage, storeOf(request));
  const image = await imageAt(from, job);
  if (image !== undefined) {
    // What stands side by side in a layout looks like an image by itself.
    const isIndex = image.fromIndex !== undefined || from.kind === "oci";
    const index = isIndex ? await from.indexes?.read() : undefined;
    if (index !== undefined && hasIndexes(from) && hasIndexes(place)) return { from, index, place };
    if (image.fromIndex !== undefined || index !== undefined) throw severalPlatforms(from.name);
    return { ref: from.ref, image, target: place };
  }
  throw new TspackError("REBASE_FAILED", "failed to access image to rebase", {
    hint:
      from.kind === "local"
        ? `there is no image ${from.name} in the local store; --publish rebases it in its registry`
        : `there is no image ${from.name} in ${from.where}`,
  });
}

/** The image of a place; of an index only that it is one, whether it has an image for this machine or not. */
async function imageAt(
  from: ImagePlace,
  { request, tools }: RebaseJob,
): Promise<(Image & { readonly fromIndex?: unknown }) | { readonly fromIndex: true } | undefined> {
  const { pullPolicy } = request;
  if (from.kind === "local" && pullPolicy !== undefined) return pulledImages(tools, pullPolicy).resolve(from.ref);
  try {
    return await from.image();
  } catch (error) {
    if (errorCode(error) !== "IMAGE_NOT_FOUND" || (await from.indexes?.read()) === undefined) throw error;
    return { fromIndex: true };
  }
}

/** Before an image is changed. */
function checkReportDirectory({ reportOutputDir: path }: Omit<RebaseRequest, "image">, { machine }: Tools): void {
  if (path !== undefined) checkDirectory("--report-output-dir", resolve(machine.cwd, path));
}

/** Several images, and the images of several platforms, get directories of their own. */
async function writeReport(
  image: string,
  report: Report,
  { request, many, tools }: RebaseJob,
  platform?: string,
): Promise<void> {
  if (request.reportOutputDir === undefined) return;
  const own = many === true ? encodeURIComponent(image) : ".";
  const below = platform === undefined ? "." : encodeURIComponent(platform.replaceAll("/", "-"));
  const directory = resolve(tools.machine.cwd, request.reportOutputDir, own, below);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "report.toml"), encodeReport(report));
}
