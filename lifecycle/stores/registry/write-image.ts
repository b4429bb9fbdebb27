import { InputError, RemoteError } from "../../errors.ts";
import type { ProgressStep } from "../../context.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { silentProgress } from "../../context.ts";
import type { LayerReport, WriteOptions, WriteReport } from "../store.ts";
import { type AheadUploads, beginAhead } from "./ahead.ts";
import type { BegunUpload } from "./begin-upload.ts";
import type { Client, Repository } from "./client.ts";
import { putManifest } from "./manifests.ts";
import { pause } from "./retry.ts";
import type { Slots } from "../../oci/slots.ts";
import { uploadBlob } from "./uploads.ts";

/** What writing works with. */
export interface WriteTools {
  readonly client: Client;
  /** `REGISTRY DIGEST` to the repositories that have it. */
  readonly origins: Map<string, Set<string>>;
  readonly slotsOf: (registry: string) => Slots;
  readonly ahead: AheadUploads;
  readonly signal: AbortSignal;
  readonly chunkSize: number | undefined;
}

/** What is written. */
export interface WriteJob {
  readonly image: Image;
  readonly refs: readonly ImageRef[];
  readonly options: WriteOptions;
}

/**
 * Brings one layer of an image that is still being made into the repository of its first
 * reference; those of others mount it from there. Throws as `uploadBlob`.
 */
export async function bringAhead(
  tools: WriteTools,
  layer: Layer,
  { refs: [first], options }: Omit<WriteJob, "image">,
): Promise<void> {
  if (first === undefined) return;
  const repository = tools.client.repository(first.registry, first.repository, "destination");
  const blob = { descriptor: await layer.descriptor(), open: () => layer.compressed() };
  const signal = signalOf(tools, options);
  const { report } = beginAhead(tools.ahead, aheadKey(repository, blob.descriptor.digest), (progress) =>
    tools.slotsOf(repository.registry)(() =>
      sendBlob(tools, options, repository, { blob, signal, progress, lookAgain: false }),
    ),
  );
  await report;
}

/** Under what a layer on its way is found. */
export function aheadKey({ registry, name }: Repository, digest: Digest): string {
  return `${registry} ${name} ${digest}`;
}

/** Writes an image into the repositories of all references: blobs first, then manifests. */
export async function writeImage(tools: WriteTools, job: WriteJob): Promise<WriteReport> {
  const manifest = await job.image.manifest();
  for (const ref of job.refs) checkDigest(ref, manifest.digest);
  let layers: readonly LayerReport[] | undefined;
  for (const refs of byRepository(job.refs)) {
    const report = await writeRepository(tools, job, refs, manifest);
    layers ??= report;
  }
  return { digest: manifest.digest, manifestSize: manifest.bytes.length, layers: layers ?? [] };
}

function checkDigest(ref: ImageRef, digest: Digest): void {
  if (ref.digest === undefined || ref.digest === digest) return;
  const issue = { source: ref.original, path: "digest", expected: digest, got: ref.digest };
  throw new InputError("INVALID_REFERENCE", `${ref.original} names another image than the one that is written`, [
    issue,
  ]);
}

function byRepository(refs: readonly ImageRef[]): readonly (readonly [ImageRef, ...ImageRef[]])[] {
  const groups = new Map<string, [ImageRef, ...ImageRef[]]>();
  for (const ref of refs) {
    const key = `${ref.registry}/${ref.repository}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [ref]);
    else group.push(ref);
  }
  return [...groups.values()];
}

async function writeRepository(
  tools: WriteTools,
  job: WriteJob,
  refs: readonly [ImageRef, ...ImageRef[]],
  manifest: Raw<Manifest>,
): Promise<readonly LayerReport[]> {
  const [first] = refs;
  const repository = tools.client.repository(first.registry, first.repository, "destination");
  const progress = (job.options.ctx?.progress ?? silentProgress).start(`Sending ${first.original}`, { unit: "bytes" });
  try {
    const layers = await sendBlobs(tools, job, repository, { progress, lookAgain: false });
    for (const ref of refs) {
      for (let attempt = 1; ; attempt += 1) {
        const mediaType = manifest.value.mediaType ?? ociTypes.manifest;
        const outcome = await putManifest(repository, ref.tag ?? manifest.digest, manifest, mediaType);
        if (outcome === "written") break;
        if (attempt >= repository.retry.attempts) throw stillUnknown(repository, ref);
        // The registry does not see all blobs yet, or has lost one: look again, send what is missing.
        await pause(attempt, repository.retry, signalOf(tools, job.options));
        await sendBlobs(tools, job, repository, { progress: silentProgress.start(""), lookAgain: true });
      }
    }
    return layers;
  } finally {
    progress.done();
  }
}

function stillUnknown(repository: Repository, ref: ImageRef): RemoteError {
  const url = `${repository.registry}/v2/${repository.name}/manifests/${ref.tag ?? ""}`;
  const details = { status: 404, method: "PUT", url, remoteCode: "MANIFEST_BLOB_UNKNOWN", side: repository.side };
  return new RemoteError(
    "REGISTRY_ERROR",
    `${repository.registry} does not find layers that it has accepted`,
    details,
    {
      hint: "the registry has a problem; try again later",
    },
  );
}

/** How blobs are sent. */
interface Sending {
  readonly progress: Pick<ProgressStep, "advance">;
  /** Whether the registry is asked even for what it was seen to have. */
  readonly lookAgain: boolean;
  /** The upload that has a part of the blob already. */
  readonly begun?: BegunUpload | undefined;
}

interface Blob {
  readonly descriptor: Descriptor;
  /** A config is mostly one that nobody has had before. */
  readonly isConfig?: boolean;
  open(): ByteStream;
}

async function sendBlobs(
  tools: WriteTools,
  job: WriteJob,
  repository: Repository,
  { progress, lookAgain }: Sending & { readonly progress: ProgressStep },
): Promise<readonly LayerReport[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([signalOf(tools, job.options), stop.signal]);
  const inSlot = tools.slotsOf(repository.registry);
  const pending = new Map<Digest, Promise<LayerReport>>();
  let total = 0;
  const send = (blob: Blob): Promise<LayerReport> => {
    // Two layers with the same bytes are one blob.
    const known = pending.get(blob.descriptor.digest);
    if (known !== undefined) return known;
    progress.total((total += blob.descriptor.size));
    const report =
      takeAhead(tools, repository, { blob, progress, lookAgain }) ??
      inSlot(() => sendBlob(tools, job.options, repository, { blob, signal, progress, lookAgain }));
    pending.set(blob.descriptor.digest, report);
    return report;
  };
  const failures: unknown[] = [];
  const guarded = async (blob: Promise<Blob>): Promise<LayerReport> => {
    try {
      return await send(await blob);
    } catch (error) {
      // One failure ends the others; the first one is reported.
      failures.push(error);
      stop.abort();
      throw error;
    }
  };
  const layers = await job.image.layers();
  const blobs = layers.map(async (layer) => ({
    descriptor: await layer.descriptor(),
    open: () => layer.compressed(),
  }));
  const results = await Promise.allSettled([...blobs, configBlob(job.image)].map(guarded));
  if (failures.length > 0) throw failures[0];
  return results.slice(0, -1).flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** The upload that was begun before the image was whole: it is counted in one image only. */
function takeAhead(
  { ahead }: WriteTools,
  repository: Repository,
  { blob, progress, lookAgain }: Sending & { readonly blob: Blob; readonly progress: ProgressStep },
): Promise<LayerReport> | undefined {
  const key = aheadKey(repository, blob.descriptor.digest);
  const upload = lookAgain ? undefined : ahead.get(key);
  if (upload === undefined) return undefined;
  ahead.delete(key);
  upload.showIn(progress);
  return upload.report;
}

async function configBlob(image: Image): Promise<Blob> {
  const [{ bytes }, manifest] = [await image.config(), await image.manifest()];
  const open = async function* (): ByteStream {
    yield bytes;
  };
  return { descriptor: manifest.value.config, open, isConfig: true };
}

/** Brings a blob to the registry in the cheapest way. Throws as `uploadBlob`. */
export async function sendBlob(
  tools: WriteTools,
  options: WriteOptions,
  repository: Repository,
  { blob, signal, progress, lookAgain, begun }: Sending & { readonly blob: Blob; readonly signal: AbortSignal },
): Promise<LayerReport> {
  const { descriptor } = blob;
  const { digest, size } = descriptor;
  // A layer with URLs lies elsewhere and may not be passed on. OCI image-spec, descriptor.
  if ((descriptor.urls ?? []).length > 0) {
    progress.advance(size);
    return { digest, size, outcome: "present" };
  }
  const key = `${repository.registry} ${digest}`;
  if (!lookAgain && tools.origins.get(key)?.has(repository.name) === true) {
    progress.advance(size);
    return { digest, size, outcome: "present" };
  }
  const named = (options.mountFrom ?? []).filter(({ registry }) => registry === repository.registry);
  const seenIn = tools.origins.get(key) ?? new Set();
  const places = new Set([...seenIn, ...(blob.isConfig === true ? [] : named.map((ref) => ref.repository))]);
  const upload = {
    descriptor,
    open: () => blob.open(),
    mountFrom: [...places].filter((name) => name !== repository.name),
    likely: lookAgain ? undefined : seenIn.size > 0 ? "elsewhere" : blob.isConfig === true ? "new" : undefined,
    chunkSize: tools.chunkSize,
    progress: (bytes: number) => progress.advance(bytes),
    signal,
  } as const;
  const outcome = await uploadBlob(repository, upload, begun);
  if (outcome !== "sent") progress.advance(size);
  tools.origins.set(key, (tools.origins.get(key) ?? new Set()).add(repository.name));
  return { digest, size, outcome };
}

/** Ends when the store or the writing does. */
export function signalOf(tools: WriteTools, { ctx }: WriteOptions): AbortSignal {
  const own = ctx?.signal;
  return own === undefined ? tools.signal : AbortSignal.any([tools.signal, own]);
}
