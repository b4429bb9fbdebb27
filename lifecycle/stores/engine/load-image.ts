import { type Context, type ProgressStep, silentProgress } from "../../context.ts";
import { RemoteError, TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import type { LayerReport } from "../store.ts";
import { verified } from "../verified.ts";
import { type ArchiveFile, archiveOf, memoryFile } from "./archive.ts";
import { type EngineConnection, engineError, printable, textOf } from "./connection.ts";

/** An image on its way into an engine. */
export interface LoadJob {
  readonly image: Image;
  /** `docker.io/library/app:v1` */
  readonly tags: readonly string[];
  /** The layers from the lowest on that the engine has in this order, and need not be sent. */
  readonly present: number;
  readonly ctx: Context | undefined;
}

/** A layer and what has to be sent of it; nothing when the engine has it. */
interface Part {
  readonly layer: Layer;
  readonly name: string;
  readonly descriptor: Descriptor | undefined;
}

/**
 * Sends an image as `docker load` takes it and gives it its tags, all at once. Layers that the
 * engine has are empty files: it looks by DiffID before it opens one. Throws `ENGINE_ERROR`,
 * `DIGEST_MISMATCH`, `CANCELED`.
 */
export async function loadImage(engine: EngineConnection, job: LoadJob): Promise<readonly LayerReport[]> {
  const { image, ctx, present } = job;
  const layers = await image.layers();
  const config = await image.config();
  // All sizes are known before the transfer begins: finding one out may need the engine, too.
  const parts: Part[] = [];
  for (const [index, layer] of layers.entries()) {
    const needed = index >= present;
    const name = needed ? `${hex(layer.diffId)}.tar` : `blank_${index}`;
    parts.push({ layer, name, descriptor: needed ? await layer.descriptor() : undefined });
  }
  const total = parts.reduce((sum, { descriptor }) => sum + (descriptor?.size ?? 0), 0);
  const step = (ctx?.progress ?? silentProgress).start(`Loading ${job.tags[0] ?? "image"}`, { unit: "bytes", total });
  try {
    await send(engine, archiveOf(filesOf(config.digest, config.bytes, parts, job, step)), ctx);
  } finally {
    step.done();
  }
  return parts.map(reportOf);
}

function* filesOf(
  configDigest: Digest,
  config: Uint8Array,
  parts: readonly Part[],
  { tags, ctx }: LoadJob,
  step: ProgressStep,
): Generator<ArchiveFile, void, undefined> {
  const configName = `${hex(configDigest)}.json`;
  yield memoryFile(configName, config);
  const written = new Set<string>();
  for (const { layer, name, descriptor } of parts) {
    if (written.has(name)) continue;
    written.add(name);
    if (descriptor === undefined) yield memoryFile(name, new Uint8Array());
    else yield { name, size: descriptor.size, content: counted(layer, descriptor, ctx, step) };
  }
  const manifest = [{ Config: configName, RepoTags: tags, Layers: parts.map(({ name }) => name) }];
  yield memoryFile("manifest.json", Buffer.from(JSON.stringify(manifest)));
}

async function* counted(
  layer: Layer,
  descriptor: Descriptor,
  ctx: Context | undefined,
  step: ProgressStep,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of verified(layer.compressed(), descriptor, "the image")) {
    if (ctx?.signal.aborted === true) throw new TspackError("CANCELED", "stopped");
    step.advance(chunk.length);
    // The chunk belongs to the layer's stream, which may use its memory again before it is sent.
    yield Buffer.from(chunk);
  }
}

async function send(engine: EngineConnection, archive: ByteStream, ctx: Context | undefined): Promise<void> {
  const request = { method: "POST", path: "/images/load?quiet=1", body: archive, signal: ctx?.signal } as const;
  const response = await engine.request(request);
  if (response.status >= 400) throw await engineError(engine.name, request, response);
  refuseFailure(await textOf(response.body), engine.name, response.status);
}

/** The engine says yes first and tells of failures in the lines that follow. */
function refuseFailure(lines: string, name: string, status: number): void {
  for (const line of lines.split("\n")) {
    const message = errorIn(line);
    if (message === undefined) continue;
    const details = { status, method: "POST", url: `${name}/images/load`, side: "destination" } as const;
    throw new RemoteError("ENGINE_ERROR", `the container engine could not load the image: ${message}`, details, {
      hint: /no space left/i.test(message) ? "free some space where the engine keeps its images" : undefined,
    });
  }
}

function errorIn(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  try {
    const { error } = JSON.parse(line) as { readonly error?: unknown };
    return typeof error === "string" ? printable(error) : undefined;
  } catch {
    // Only what is meant to be read by a person.
    return undefined;
  }
}

function reportOf({ layer, descriptor }: Part): LayerReport {
  if (descriptor !== undefined) return { digest: descriptor.digest, size: descriptor.size, outcome: "sent" };
  // An engine knows layers by DiffID, and has no blob of them whose size could be told.
  return { digest: layer.diffId as string as Digest, size: 0, outcome: "present" };
}
