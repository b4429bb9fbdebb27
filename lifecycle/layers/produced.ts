import type { ByteSink } from "../stores/blob-cache.ts";

/** What a consumer that left early makes of the producer's next piece. */
class NobodyReads extends Error {}

/**
 * The bytes that `produce` writes, as a stream that is read: the producer waits until each piece
 * was taken, so that memory holds one. Who stops reading stops the producer.
 */
export async function* produced(
  produce: (sink: ByteSink) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const handover = new Handover();
  const ended = produce(handover).then(
    () => handover.end(undefined),
    (error: unknown) => handover.end({ error }),
  );
  try {
    for (;;) {
      const piece = await handover.next();
      if (piece === undefined) return;
      yield piece;
    }
  } finally {
    handover.leave();
    await ended;
  }
}

/** One piece at a time from who writes to who reads. */
class Handover implements ByteSink {
  #piece: Uint8Array | undefined;
  #end: { readonly failure: { readonly error: unknown } | undefined } | undefined;
  #left = false;
  #wakeReader = (): void => {};
  #wakeWriter = (): void => {};

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#left) throw new NobodyReads();
    // Readers may look at a piece after they asked for the next; the writer's memory is used again.
    this.#piece = Buffer.from(bytes);
    this.#wakeReader();
    await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
    if (this.#left) throw new NobodyReads();
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#end = { failure };
    this.#wakeReader();
  }

  /** The next piece; undefined at the end. Throws what the producer threw. */
  async next(): Promise<Uint8Array | undefined> {
    this.#wakeWriter();
    while (this.#piece === undefined) {
      if (this.#end?.failure !== undefined) throw this.#end.failure.error;
      if (this.#end !== undefined) return undefined;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
    const piece = this.#piece;
    this.#piece = undefined;
    return piece;
  }

  leave(): void {
    this.#left = true;
    this.#wakeWriter();
  }
}
