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
  // Only what happens in here is the stream's own failure: a reader that gives up throws into
  // the generator as well.
  const pull = async (): Promise<Uint8Array | undefined> => {
    try {
      iterator ??= open()[Symbol.asyncIterator]();
      const result = await iterator.next();
      if (result.done !== true) return result.value;
      if (position < size) throw new Error(`a blob of ${size} bytes ended at ${position}`);
      return undefined;
    } catch (error) {
      failed = { error };
      throw error;
    }
  };
  const range = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
    if (position !== start) await close();
    while (position < end) {
      const chunk = rest.length > 0 ? rest : ((await pull()) ?? rest);
      const skipped = position < start;
      const wanted = Math.min(chunk.length, (skipped ? start : end) - position);
      rest = chunk.subarray(wanted);
      position += wanted;
      if (!skipped && wanted > 0) yield chunk.subarray(0, wanted);
    }
    // Lets a stream that checks itself do so before the upload is closed.
    if (end === size && rest.length === 0) await pull();
  };
  return { range, failure: () => failed, close };
}
