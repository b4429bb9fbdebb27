import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { platformApis, platformFeatures } from "../../cnb/api/platform.ts";
import { encodeReport, type Report } from "../../cnb/files/report.ts";
import type { Context } from "../../context.ts";
import { InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import { inParallel } from "../../phases/in-parallel.ts";
import { rebaseImage, type RebaseResult } from "../../phases/rebase.ts";
import { pulledImages } from "../build/pulled-images.ts";
import { familiarName } from "../familiar-name.ts";
import { severalPlatforms } from "../image-places/file-places.ts";
import type { ImagePlace } from "../image-places/image-place.ts";
import { type ImagePlaces, withImagePlaces } from "../image-places/open-places.ts";
import { isFilePlace, parsePlace } from "../image-places/parse-place.ts";
import { checkDirectory } from "../output/check-directory.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { Tools } from "../tools.ts";
import { type BaseImages, baseImages, runImageSource } from "./base-images.ts";
import { planOf, refusedPlan } from "./plan.ts";
import type { RebaseOutcome, RebasePlan, RebaseRequest, RebaseSummary } from "./request.ts";

export type { RebaseOutcome, RebasePlan, RebaseRequest, RebaseSummary } from "./request.ts";

/** Images that are rebased at a time: more wait for the registry's answers without being faster. */
const atATime = 8;

/**
 * Puts an image on a new base. Throws `REBASE_FAILED`, `NOT_REBASABLE`, `IMAGE_NOT_FOUND`,
 * `INVALID_ARGUMENTS`.
 */
export async function rebase(request: RebaseRequest, tools: Tools): Promise<RebaseSummary> {
  return withRebase(request, tools, async (job) => (await rebaseOne(request.image, job, tools.ctx)).summary);
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
        else onOutcome({ image, summary: (await rebaseOne(image, { ...job, many }, ctx)).summary });
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

/** Lines of several images would run into each other: warnings say whose they are, the rest is for --verbose. */
function quiet(ctx: Context, image: string): Context {
  const { logger } = ctx;
  const debug = (line: string): void => logger.debug(`${image}: ${line}`);
  const warn = (line: string): void => logger.warn(`${image}: ${line}`);
  return { ...ctx, logger: { ...logger, debug, warn, info: debug, phase: debug, say: debug } };
}

interface RebaseJob {
  readonly request: Omit<RebaseRequest, "image">;
  readonly runImage: ImageRef | undefined;
  readonly places: ImagePlaces;
  readonly bases: BaseImages;
  /** For images of the container engine. */
  readonly engineBases: BaseImages;
  readonly tools: Tools;
  /** Whether each image gets a directory of its own for its report. */
  readonly many?: boolean;
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
  const before = await openImage(image, job);
  try {
    return await planOf(image, before.image, await run(before, job, ctx, true));
  } catch (error) {
    if (!(error instanceof TspackError) || error.code !== "NOT_REBASABLE") throw error;
    return refusedPlan(image, before.image, error);
  }
}

async function rebaseOne(image: string, job: RebaseJob, ctx: Context): Promise<{ readonly summary: RebaseSummary }> {
  const began = ctx.clock().getTime();
  const opened = await openImage(image, job);
  const { written, runImage: base, report } = await run(opened, job, ctx, false);
  await writeReport(image, report, job);
  const summary = {
    image: isFilePlace(image) ? image : familiarName(opened.place.ref),
    digest: written.digest,
    runImage: base.reference,
    topLayer: base.topLayer,
    layersSent: written.layers.filter(({ outcome }) => outcome === "sent").length,
    seconds: (ctx.clock().getTime() - began) / 1000,
  };
  return { summary };
}

interface OpenImage {
  /** Where the result goes. */
  readonly place: ImagePlace;
  /** What is rebased. */
  readonly ref: ImageRef;
  readonly image: Image;
}

async function openImage(name: string, { request, places, tools }: RebaseJob): Promise<OpenImage> {
  const place = await places.open(name, storeOf(request));
  const from = request.previousImage === undefined ? place : await places.open(request.previousImage, storeOf(request));
  const { pullPolicy } = request;
  const image =
    from.kind === "local" && pullPolicy !== undefined
      ? await pulledImages(tools, pullPolicy).resolve(from.ref)
      : await from.image();
  if (image?.fromIndex !== undefined) throw severalPlatforms(from.name);
  if (image !== undefined) return { place, ref: from.ref, image };
  throw new TspackError("REBASE_FAILED", "failed to access image to rebase", {
    hint:
      from.kind === "local"
        ? `there is no image ${from.name} in the local store; --publish rebases it in its registry`
        : `there is no image ${from.name} in ${from.where}`,
  });
}

async function run(opened: OpenImage, job: RebaseJob, ctx: Context, dryRun: boolean): Promise<RebaseResult> {
  const { place, ref, image } = opened;
  const { os, architecture, variant } = (await image.config()).value;
  const bases = (place.kind === "engine" ? job.engineBases : job.bases).for({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
  });
  return rebaseImage(
    {
      features: platformFeatures(platformApis.at(-1) ?? ""),
      appImage: ref,
      outputImages: [place.ref],
      runImage: job.runImage,
      force: job.request.force === true,
      sameRepository: true,
      dryRun,
    },
    {
      images: { resolve: (wanted) => (wanted === ref ? Promise.resolve(image) : bases.resolve(wanted)) },
      sink: place.sink,
      access: bases,
      ctx,
    },
  );
}

/** Before an image is changed. */
function checkReportDirectory({ reportOutputDir: path }: Omit<RebaseRequest, "image">, { machine }: Tools): void {
  if (path !== undefined) checkDirectory("--report-output-dir", resolve(machine.cwd, path));
}

async function writeReport(image: string, report: Report, { request, many, tools }: RebaseJob): Promise<void> {
  if (request.reportOutputDir === undefined) return;
  const own = many === true ? encodeURIComponent(image) : ".";
  const directory = resolve(tools.machine.cwd, request.reportOutputDir, own);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "report.toml"), encodeReport(report));
}
