import type { ByteStream } from "../../oci/layer.ts";

/** A place in a stream that can be started anew, so that ranges of it can be sent one after the other. */
export interface Cursor {
  /**
   * The bytes from `start` to before `end`: read on when `start` is where we are, else opened
   * again. Only the newest range gives bytes; one that was given up ends.
   */
  range(start: number, end: number): ByteStream;
  /** What the stream itself threw, to be told from failures of the connection, which throw into a range as well. */
  failure(): { readonly error: unknown } | undefined;
  close(): Promise<void>;
}

/** A cursor over what `open` opens, of which there are `size` bytes. */
export function streamCursor(open: () => ByteStream, size: number): Cursor {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  let [position, rest]: [number, Uint8Array] = [0, new Uint8Array()];
  let failed: { readonly error: unknown } | undefined;
  let newest = 0;
  let waiting = 0;
  const close = async (): Promise<void> => {
    const old = iterator;
    iterator = undefined;
    [position, rest] = [0, new Uint8Array()];
    await old?.return?.();
  };
  const pull = async (mine: number): Promise<Uint8Array | undefined> => {
    try {
      waiting += 1;
      iterator ??= open()[Symbol.asyncIterator]();
      return (await iterator.next()).value as Uint8Array | undefined;
    } catch (error) {
      if (mine === newest) failed = { error };
      throw error;
    } finally {
      waiting -= 1;
    }
  };
  const range = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
    const mine = (newest += 1);
    // What an older range still waits for would be missing here.
    if (position !== start || waiting > 0) await close();
    while (position < end) {
      if (mine !== newest) return;
      const chunk = rest.length > 0 ? rest : await pull(mine);
      // A range that was given up may have been waiting here: the place is no longer its own.
      if (mine !== newest) return;
      if (chunk === undefined)
        throw (failed = { error: new Error(`a blob of ${size} bytes ended at ${position}`) }).error;
      const skipped = position < start;
      const wanted = Math.min(chunk.length, (skipped ? start : end) - position);
      rest = chunk.subarray(wanted);
      position += wanted;
      if (!skipped && wanted > 0) yield chunk.subarray(0, wanted);
    }
    // Lets a stream that checks itself do so before the upload is closed.
    if (mine === newest && end === size && rest.length === 0) await pull(mine);
  };
  return { range, failure: () => failed, close };
}
