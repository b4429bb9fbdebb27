import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { errorCode, TspackError } from "../errors.ts";
import type { ByteStream } from "./layer.ts";
import { Releaser } from "./release.ts";
import { slots, type Slots } from "./slots.ts";

/** Bytes of input in one frame. Part of the format: with another size the same layer has another digest. */
const frameSize = 2 << 20;

/** Frames that are compressed at the same time: libuv has four threads. */
const inFlight = 4;

/** The level of layers where none was asked for; zstd's own choice. */
const defaultLevel = 3;

/** How layers are compressed. */
export type Compression = "gzip" | "zstd";

/** Whether a text names a way to compress layers. */
export function isCompression(text: string): text is Compression {
  return text === "gzip" || text === "zstd";
}

/** Node's zstd, which the types of Node 20 do not know. */
interface Zstd {
  readonly compress: (
    input: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>> },
  ) => Promise<Buffer>;
  readonly decompress: (options: { readonly chunkSize: number }) => NodeJS.ReadWriteStream & Readable;
  readonly levelParameter: number;
}

/** Throws `TOOL_MISSING` where Node has no zstd: below 22.15. */
export function requireZstd(what: string): Zstd {
  const compress: unknown = Reflect.get(zlib, "zstdCompress");
  const decompress: unknown = Reflect.get(zlib, "createZstdDecompress");
  const levelParameter: unknown = Reflect.get(zlib.constants, "ZSTD_c_compressionLevel");
  if (typeof compress !== "function" || typeof decompress !== "function" || typeof levelParameter !== "number") {
    throw new TspackError("TOOL_MISSING", `${what} needs zstd, which Node ${process.versions.node} does not have`, {
      hint: "use Node 22.15 or newer, or images and layers that are compressed with gzip",
    });
  }
  return {
    compress: promisify(compress as (...args: unknown[]) => void) as Zstd["compress"],
    decompress: decompress as Zstd["decompress"],
    levelParameter,
  };
}

/** Whether data starts like zstd: a frame, or one that is to be skipped. RFC 8878, 3.1. */
export function isZstd(start: Uint8Array): boolean {
  if (start.length < 4) return false;
  const magic = Buffer.from(start.buffer, start.byteOffset, 4).readUInt32LE();
  return magic === 0xfd2f_b528 || (magic & 0xffff_fff0) >>> 0 === 0x184d_2a50;
}

/**
 * The plain bytes of zstd data of any number of frames. Throws `TOOL_MISSING` where Node cannot read
 * it, and `INVALID_IMAGE` for damaged data; errors of the source pass through.
 */
export async function* unzstd(source: ByteStream, what: string): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = requireZstd(what).decompress({ chunkSize: 256 * 1024 });
  const feeding = pipeline(Readable.from(source, { objectMode: false }), inflate);
  // Its failure arrives through the iteration, too; this one must not be unhandled.
  feeding.catch(() => {});
  try {
    for await (const chunk of inflate as AsyncIterable<Uint8Array>) yield chunk;
    await feeding;
  } catch (error) {
    const cause =
      errorCode(error) === "ERR_STREAM_PREMATURE_CLOSE"
        ? await feeding.then(
            () => error,
            (why: unknown) => why,
          )
        : error;
    if (!/^Z(?:STD)?_/.test(errorCode(cause) ?? "")) throw cause;
    throw new TspackError("INVALID_IMAGE", `${what} is damaged: it is no whole zstd data`, { cause });
  } finally {
    inflate.destroy();
  }
}

/**
 * Frames of 2 MiB of input, compressed in parallel. The output depends on the input's bytes, the level
 * and the zstd of this Node only, never on how the input was cut. RFC 8878.
 */
export class ZstdWriter {
  readonly #zstd = requireZstd("--compression zstd");
  readonly #output: (bytes: Uint8Array) => Promise<void> | void;
  readonly #level: number;
  readonly #onBlock: (block: Uint8Array) => void;
  readonly #inSlot: Slots;
  readonly #releaser = new Releaser();
  #frame: Buffer = Buffer.allocUnsafe(frameSize);
  #filled = 0;
  #isEmpty = true;
  readonly #pending: Promise<void>[] = [];
  readonly #free: Buffer[] = [];
  #tail: Promise<void> = Promise.resolve();

  /** `onBlock` sees all input, in order; `inSlot` as for gzip. */
  constructor(
    output: (bytes: Uint8Array) => Promise<void> | void,
    options: {
      readonly level?: number | undefined;
      readonly onBlock: (block: Uint8Array) => void;
      readonly inSlot?: Slots | undefined;
    },
  ) {
    this.#output = output;
    this.#level = options.level ?? defaultLevel;
    this.#onBlock = options.onBlock;
    this.#inSlot = options.inSlot ?? slots(inFlight);
  }

  /** Takes a copy of the bytes. A promise: wait for it before the next call; undefined: go on. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const taken = this.#fill(bytes);
    return this.#filled < frameSize ? undefined : this.#writeRest(bytes.subarray(taken));
  }

  /** Everything is handed to the output when the promise is settled. */
  async finish(): Promise<void> {
    if (this.#filled > 0 || this.#isEmpty) await this.#compress();
    await Promise.all(this.#pending);
  }

  async #writeRest(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    for (;;) {
      if (this.#filled === frameSize) await this.#compress();
      if (rest.length === 0) return;
      rest = rest.subarray(this.#fill(rest));
    }
  }

  #fill(bytes: Uint8Array): number {
    const part = bytes.subarray(0, frameSize - this.#filled);
    this.#frame.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  async #compress(): Promise<void> {
    const whole = this.#frame;
    const frame = whole.subarray(0, this.#filled);
    this.#isEmpty = false;
    this.#onBlock(frame);
    const params = { [this.#zstd.levelParameter]: this.#level };
    const compressed = this.#inSlot(() => this.#zstd.compress(frame, { params }));
    // The tail reports the failure, and is waited for.
    compressed.catch(() => {});
    this.#tail = this.#tail.then(async () => {
      const part = await compressed;
      await this.#output(part);
      this.#releaser.release(part);
      this.#free.push(whole);
    });
    this.#tail.catch(() => {});
    this.#pending.push(this.#tail);
    if (this.#pending.length >= inFlight) await this.#pending.shift();
    this.#frame = this.#free.pop() ?? Buffer.allocUnsafe(frameSize);
    this.#filled = 0;
  }
}
