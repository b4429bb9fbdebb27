import { MessageChannel, type MessagePort } from "node:worker_threads";

/** Smaller memory may be Node's pool, which other buffers share, and is not worth a call. */
const worthIt = 256 * 1024;

/**
 * Gives the memory of buffers back at once. Each block that is compressed comes in a buffer of its
 * own, and without this only a collection of all garbage frees them: dozens of those in one layer
 * cost a tenth of the time that packing it takes. What is handed over has no bytes any more, so
 * nobody else may have it; the buffer has to own its memory.
 */
export class Releaser {
  #port: MessagePort | undefined;

  /** Frees the memory of `bytes`. Small pieces are left to the garbage collection. */
  release(bytes: Uint8Array): void {
    const memory = bytes.buffer;
    // Two pieces may be of the same memory, which then is gone already.
    if (!(memory instanceof ArrayBuffer) || memory.byteLength < worthIt) return;
    this.#port ??= closedPort();
    // Memory that is transferred leaves its buffer; a port that is closed drops it.
    this.#port.postMessage(undefined, [memory]);
  }
}

function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.close();
  return port1;
}
