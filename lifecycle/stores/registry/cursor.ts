import type { ByteStream } from "../../oci/layer.ts";

/** A place in a stream that can be started anew, so that ranges of it can be sent one after the other. */
export interface Cursor {
  /** The bytes from `start` to before `end`: read on when `start` is where we are, else opened again. */
  range(start: number, end: number): ByteStream;
  /** What the stream itself threw, to be told from failures of the connection. */
  failure(): { readonly error: unknown } | undefined;
  close(): Promise<void>;
}

/** A cursor over what `open` opens, of which there are `size` bytes. */
export function streamCursor(open: () => ByteStream, size: number): Cursor {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  let position = 0;
  let rest: Uint8Array = new Uint8Array();
  let failed: { readonly error: unknown } | undefined;
  const close = async (): Promise<void> => {
    const old = iterator;
    iterator = undefined;
    rest = new Uint8Array();
    position = 0;
    await old?.return?.();
  };
  const next = async (): Promise<Uint8Array> => {
    if (rest.length > 0) return rest;
    const result = await iterator?.next();
    if (result === undefined || result.done === true) throw new Error(`a blob of ${size} bytes ended at ${position}`);
    return result.value;
  };
  const range = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
    try {
      if (iterator === undefined || position !== start) {
        await close();
        iterator = open()[Symbol.asyncIterator]();
      }
      while (position < end) {
        const chunk = await next();
        const wanted = Math.min(chunk.length, (position < start ? start : end) - position);
        rest = chunk.subarray(wanted);
        const skipped = position < start;
        position += wanted;
        if (!skipped && wanted > 0) yield chunk.subarray(0, wanted);
      }
      // Lets a stream that checks itself do so before the upload is closed.
      if (end === size && rest.length === 0) await iterator.next();
    } catch (error) {
      failed = { error };
      throw error;
    }
  };
  return { range, failure: () => failed, close };
}
