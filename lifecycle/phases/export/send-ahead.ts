import { TspackError } from "../../errors.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { ExportInputs, ExportPorts } from "./inputs.ts";
import { mountableFrom, notWritten } from "./save.ts";
import { sentWhilePacked } from "./sent-while-packed.ts";

/** Sends layers of the image while others are still being packed. */
export interface SendAhead {
  /** Ends when the build is cancelled, and when a layer could not be sent: packing has no use any more. */
  readonly signal: AbortSignal;
  /** Begins to send a layer that certainly is in the image, if its destination wants it before the rest. */
  send(layer: Layer): void;
  /** A view of `blobs` that begins to send while it packs, for layers that are not expected. */
  streaming(blobs: BlobCache): BlobCache;
  /** The reason of a packing that ended because a layer could not be sent, else `error` itself. */
  reasonOf(error: unknown): unknown;
  /** Stops what is under way, when there will be no image. */
  stop(): void;
}

/** `expected`: DiffIDs of layers that may be taken from the previous image; these are not sent ahead. */
export function sendAhead(inputs: ExportInputs, ports: ExportPorts, expected: ReadonlySet<string>): SendAhead {
  const { sink, ctx } = ports;
  const { outputImages: refs } = inputs;
  const stopped = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopped.signal]);
  const options = { ctx: { ...ctx, signal }, mountFrom: mountableFrom(inputs) };
  let failure: { readonly error: unknown } | undefined;
  const failed = (error: unknown): void => {
    // What ends because something else has ended is not the reason.
    if (signal.aborted) return;
    failure = { error };
    stopped.abort(error);
  };
  return {
    signal,
    streaming: (blobs) => {
      if (inputs.dryRun === true || sink.streamAhead === undefined) return blobs;
      const isNew = wasCompared(inputs);
      return sentWhilePacked(blobs, (blob) => sink.streamAhead?.(blob, refs, { ...options, isNew }));
    },
    send: (layer) => {
      if (inputs.dryRun === true || expected.has(layer.diffId)) return;
      sink.bringAhead?.(layer, refs, options).catch(failed);
    },
    reasonOf: (error) => {
      if (failure === undefined) return error;
      return failure.error instanceof TspackError ? notWritten(failure.error, inputs, ctx) : failure.error;
    },
    stop: () => stopped.abort(new TspackError("CANCELED", "the export has ended")),
  };
}

/** Whether what is not expected is in no image that the destination is known to have. */
function wasCompared({ previousImage, analyzed }: ExportInputs): boolean {
  // Every image of ours has a launcher; without one, the labels were not to be used.
  return previousImage !== undefined && analyzed.metadata.launcher.sha !== "";
}
