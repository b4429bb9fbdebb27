import { TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";

/** A piece of what a container wrote. */
export interface OutputFrame {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** Bytes of a frame's header: the stream, three zeros, the length in four bytes. */
const headerSize = 8;

/**
 * Takes the stream of an attached container apart, in which an engine mixes both outputs: frames
 * of a stream's number and a length. Parts of a frame are handed out as they come, so a frame of
 * any length takes no memory. Throws `ENGINE_ERROR` for what is no such stream.
 */
export async function* splitFrames(source: ByteStream): AsyncGenerator<OutputFrame, void, undefined> {
  let header = Buffer.alloc(0);
  let stream: OutputFrame["stream"] = "stdout";
  let left = 0;
  for await (const chunk of source) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (left > 0) {
        const bytes = rest.subarray(0, left);
        left -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { stream, bytes };
        continue;
      }
      const missing = headerSize - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length < headerSize) continue;
      stream = streamOf(header);
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
}

function streamOf(header: Buffer): OutputFrame["stream"] {
  const [number = 255, ...zeros] = header.subarray(0, 4);
  if (number > 2 || zeros.some((zero) => zero !== 0)) {
    throw new TspackError("ENGINE_ERROR", "the output of a container came in a form that is not known", {
      hint: "tspack needs an engine that speaks Docker's API 1.40 or newer",
    });
  }
  return number === 2 ? "stderr" : "stdout";
}
