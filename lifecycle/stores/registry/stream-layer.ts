import { RemoteError } from "../../errors.ts";
import type { ProgressStep } from "../../context.ts";
import type { Layer } from "../../oci/layer.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { GrowingBlob } from "../blob-cache.ts";
import type { LayerReport, LayerStream, StreamOptions } from "../store.ts";
import { beginAhead } from "./ahead.ts";
import { begin, type BegunUpload, cancel, nextLocation } from "./begin-upload.ts";
import { hasBlob } from "./blobs.ts";
import type { Repository } from "./client.ts";
import { discard } from "./http.ts";
import { isPassing, isPassingStatus, pause } from "./retry.ts";
import { hasTags } from "./tags.ts";
import { lastOf, uploadStatus } from "./uploads.ts";
import { aheadKey, sendBlob, signalOf, type WriteTools } from "./write-image.ts";

/** With so many bytes left to send, it is worth a question whether the registry has the blob. */
const worthAsking = 4 * 1024 * 1024;

/** Milliseconds in which a registry may take back an upload: nobody waits for long when a build has failed. */
const longestCancel = 500;

/**
 * Sends a layer while it is packed, in one request of unknown length, as Docker does: it is what
 * every registry understands. The reader is behind whoever packs, so a slow network holds up
 * nothing. When the blob is whole the upload is finished; wherever the registry has less of it, the
 * rest, or all, is sent from the blob's file.
 */
export function streamAhead(
  tools: WriteTools,
  blob: GrowingBlob,
  { refs: [first], options }: { readonly refs: readonly ImageRef[]; readonly options: StreamOptions },
): LayerStream {
  // A proxy with a limit wants parts, whose size is said before.
  if (first === undefined || tools.chunkSize !== undefined) return (blob.close(), unsent);
  return new Streamed(tools, blob, {
    repository: tools.client.repository(first.registry, first.repository, "destination"),
    options,
    inSlot: tools.slotsOf(first.registry),
  });
}

const unsent: LayerStream = { end: () => Promise.resolve(), drop: () => Promise.resolve() };

interface Destination {
  readonly repository: Repository;
  readonly options: StreamOptions;
  readonly inSlot: ReturnType<WriteTools["slotsOf"]>;
}

class Streamed implements LayerStream {
  readonly #tools: WriteTools;
  readonly #blob: GrowingBlob;
  readonly #to: Destination;
  readonly #dropped = new AbortController();
  readonly #signal: AbortSignal;
  /** What the registry has when the stream has ended; undefined: nothing of use. */
  readonly #begun: Promise<BegunUpload | undefined>;
  #isStarted = false;
  /** Bytes that the connection took. */
  #taken = 0;

  constructor(tools: WriteTools, blob: GrowingBlob, to: Destination) {
    this.#tools = tools;
    this.#blob = blob;
    this.#to = to;
    this.#signal = AbortSignal.any([signalOf(tools, to.options), this.#dropped.signal]);
    this.#begun = to
      .inSlot(() => this.#send())
      .catch((error: unknown) => this.#giveUp(error instanceof Error ? error.message : String(error)))
      .finally(() => blob.close());
  }

  async end(layer: Layer): Promise<void> {
    const { ahead } = this.#tools;
    const { digest } = await layer.descriptor();
    const key = aheadKey(this.#to.repository, digest);
    // Another directory was the same layer.
    if (ahead.has(key)) await this.drop();
    else beginAhead(ahead, key, (progress) => this.#finish(layer, progress));
  }

  async drop(): Promise<void> {
    this.#dropped.abort();
    this.#blob.close();
    // What waits for its turn has nothing at the registry, and finds out when that comes.
    const begun = this.#isStarted ? await this.#begun : undefined;
    if (begun !== undefined) await this.#cancel(begun.location);
  }

  async #finish(layer: Layer, progress: Pick<ProgressStep, "advance">): Promise<LayerReport> {
    const { repository, options, inSlot } = this.#to;
    const signal = signalOf(this.#tools, options);
    const blob = { descriptor: await layer.descriptor(), open: () => layer.compressed() };
    const send = (begun?: BegunUpload): Promise<LayerReport> =>
      inSlot(() => sendBlob(this.#tools, options, repository, { blob, signal, progress, lookAgain: false, begun }));
    if (await this.#isThere(layer)) {
      await this.drop();
      return send();
    }
    const begun = await this.#begun;
    try {
      return await send(begun);
    } catch (error) {
      const isFinal = begun === undefined || signal.aborted || !(error instanceof RemoteError);
      if (isFinal || error.code === "REGISTRY_UNREACHABLE") throw error;
      this.#giveUp(error.message);
      await this.#cancel(begun.location);
      return send();
    }
  }

  /** Whether the rest need not be sent. */
  async #isThere(layer: Layer): Promise<boolean> {
    const { repository } = this.#to;
    const descriptor = await layer.descriptor();
    if (this.#tools.origins.has(`${repository.registry} ${descriptor.digest}`)) return true;
    if (descriptor.size - this.#taken < worthAsking) return false;
    return hasBlob(repository, descriptor, this.#signal).catch(() => false);
  }

  async #send(): Promise<BegunUpload | undefined> {
    const { repository, options } = this.#to;
    this.#isStarted = true;
    // Others were sent first.
    if (this.#blob.isWhole || this.#signal.aborted) return undefined;
    if (options.isNew !== true && (await hasTags(repository, this.#signal))) return undefined;
    const location = await begin(repository, this.#signal);
    try {
      const begun = await this.#sendTo(location);
      if (begun === undefined) await this.#cancel(location);
      return begun;
    } catch (error) {
      await this.#cancel(location);
      throw error;
    }
  }

  async #sendTo(location: URL): Promise<BegunUpload | undefined> {
    const { repository } = this.#to;
    try {
      const response = await repository.send({
        method: "PATCH",
        path: location,
        headers: { "content-type": "application/octet-stream" },
        body: { size: undefined, open: () => this.#counted() },
        repeatable: false,
        signal: this.#signal,
      });
      await discard(response);
      if (response.status === 202 || response.status === 201 || response.status === 204) {
        const last = lastOf(response.headers["range"]) ?? this.#taken - 1;
        return { location: nextLocation(repository, response, location), offset: Math.min(last + 1, this.#taken) };
      }
      this.#giveUp(`PATCH was answered with ${response.status}`);
      if (!isPassingStatus(response.status)) return undefined;
    } catch (error) {
      if (!isPassing(error) || this.#signal.aborted) throw error;
      this.#giveUp(error instanceof Error ? error.message : String(error));
    }
    await pause(1, repository.retry, this.#signal);
    const status = await uploadStatus(repository, { signal: this.#signal }, location);
    return status === "lost" ? undefined : status;
  }

  async *#counted(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#taken = 0;
    for await (const piece of this.#blob.bytes()) {
      this.#taken += piece.length;
      yield piece;
    }
  }

  #cancel(location: URL): Promise<void> {
    return cancel(this.#to.repository, location, AbortSignal.timeout(longestCancel));
  }

  #giveUp(why: string): undefined {
    const { repository, options } = this.#to;
    const name = `${repository.registry}/${repository.name}`;
    options.ctx?.logger.debug(`A layer is not sent to ${name} while it is packed: ${why}`);
  }
}
