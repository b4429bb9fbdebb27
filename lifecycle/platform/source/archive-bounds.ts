import { TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";

/** What an archive may become on disk. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Of all files together, unpacked. */
  readonly bytes: number;
  /** Unpacked bytes for each packed one; it counts from `ratioFrom` bytes on. */
  readonly ratio: number;
  readonly ratioFrom: number;
}

/** Far beyond every application; an archive that exceeds them is made to fill a disk. */
export const archiveLimits: ArchiveLimits = {
  entries: 1_000_000,
  bytes: 32 * 2 ** 30,
  ratio: 200,
  ratioFrom: 256 * 2 ** 20,
};

/** Counts what comes out of an archive against what went in. Throws `INVALID_APPLICATION` beyond the limits. */
export class ArchiveBounds {
  readonly #archive: string;
  readonly #limits: ArchiveLimits;
  #entries = 0;
  #unpacked = 0;
  #packed = 0;

  constructor(archive: string, limits: ArchiveLimits) {
    this.#archive = archive;
    this.#limits = limits;
  }

  /** One entry more. */
  entry(): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries) throw this.#exceeded(`more than ${this.#limits.entries} entries`);
  }

  /** Bytes that came out. */
  unpacked(bytes: number): void {
    const { ratio, ratioFrom, bytes: most } = this.#limits;
    this.#unpacked += bytes;
    if (this.#unpacked > most) throw this.#exceeded(`more than ${most} bytes`);
    if (this.#unpacked > ratioFrom && this.#unpacked > ratio * this.#packed) {
      throw this.#exceeded(`more than ${ratio} bytes for each packed one`);
    }
  }

  /** Bytes that went in. */
  packed(bytes: number): void {
    this.#packed += bytes;
  }

  /** A stream of the archive, counted as what went in. */
  async *counting(source: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.packed(chunk.length);
      yield chunk;
    }
  }

  #exceeded(what: string): TspackError {
    return new TspackError("INVALID_APPLICATION", `${this.#archive} unpacks to ${what}`, {
      hint: "if it is no attack, unpack it and give the directory with --path",
    });
  }
}
