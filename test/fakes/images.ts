import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import type { ManifestFormat } from "../../lifecycle/oci/media-type.ts";
import { encodeHeader, paddingAfter } from "../../lifecycle/oci/tar/header.ts";

/** What a test image is like. */
export interface TestImage {
  readonly layers: readonly Uint8Array[];
  readonly format?: ManifestFormat;
  readonly architecture?: string;
  readonly variant?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An image of tars, which nobody looks into. Compressed by gzip. */
export function testImage({ layers, format = "oci", architecture = "amd64", variant, labels = {} }: TestImage): Image {
  return imageFromParts({
    format,
    config: {
      architecture,
      os: "linux",
      // Podman makes a time up where there is none.
      created: "1980-01-01T00:00:01Z",
      ...(variant === undefined ? {} : { variant }),
      config: { Labels: labels },
      history: layers.map(() => ({ created: "1980-01-01T00:00:01Z" })),
    },
    layers: layers.map((tar) => memoryLayer(tar)),
  });
}

/** A tar of one file with `noise`, for stores that look into layers. */
export function tarOfNoise(size: number, seed: number): Uint8Array {
  const header = encodeHeader({ name: `file-${seed}`, type: "file", mode: 0o644, uid: 0, gid: 0, size });
  return Buffer.concat([header, noise(size, seed), Buffer.alloc(paddingAfter(size) + 1024)]);
}

/** Bytes that do not compress, the same at every call for the same seed. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < size; at += 1) {
    // xorshift32
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
