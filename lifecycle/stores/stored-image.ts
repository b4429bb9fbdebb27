import { InputError } from "../errors.ts";
import { blobLayer } from "../oci/blob-layer.ts";
import type { Descriptor, Platform } from "../oci/descriptor.ts";
import type { Image } from "../oci/image.ts";
import { decodeConfig } from "../oci/image-config.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { ByteStream } from "../oci/layer.ts";
import { decodeManifest, selectPlatform } from "../oci/manifest.ts";
import type { Index } from "../oci/manifest.ts";
import type { Raw } from "../oci/raw.ts";
import { verified } from "./verified.ts";

/** Where the blobs of a stored image are. */
export interface BlobReader {
  /** The store and repository, for errors. */
  readonly source: string;
  /** The bytes as stored; this module checks them. */
  open(descriptor: Descriptor): ByteStream;
  /** The verified local file of a blob, in stores that have files. */
  file?(descriptor: Descriptor): Promise<string | undefined>;
}

/** No config is larger than this. */
const largestConfig = 32 * 1024 * 1024;

/** A view of an image whose manifest was read; config and layers are read and verified when asked for. */
export function storedImage(manifestBytes: Uint8Array, blobs: BlobReader): Image {
  const manifest = decodeManifest(manifestBytes, `${blobs.source} manifest`);
  let config: Promise<Raw<ImageConfig>> | undefined;
  const readConfig = async (): Promise<Raw<ImageConfig>> => {
    const { config: descriptor } = manifest.value;
    const source = `${blobs.source} config`;
    if (descriptor.size > largestConfig) {
      const issue = { source, path: "size", expected: `at most ${largestConfig}`, got: `${descriptor.size}` };
      throw new InputError("INVALID_IMAGE", `${source} is too large`, [issue]);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of verified(blobs.open(descriptor), descriptor, blobs.source)) chunks.push(chunk);
    return decodeConfig(Buffer.concat(chunks), source);
  };
  const onlyConfig = (): Promise<Raw<ImageConfig>> => (config ??= readConfig());
  return {
    manifest: () => Promise.resolve(manifest),
    config: onlyConfig,
    layers: async () => {
      const diffIds = (await onlyConfig()).value.rootfs.diff_ids;
      const descriptors = manifest.value.layers;
      if (diffIds.length !== descriptors.length) throw countMismatch(blobs.source, descriptors.length, diffIds.length);
      return descriptors.map((descriptor, index) => {
        const diffId = diffIds[index];
        if (diffId === undefined) throw countMismatch(blobs.source, descriptors.length, index);
        const file = blobs.file?.bind(blobs);
        return blobLayer({
          descriptor,
          diffId,
          open: () => verified(blobs.open(descriptor), descriptor, blobs.source),
          ...(file === undefined ? {} : { blobFile: () => file(descriptor) }),
        });
      });
    },
  };
}

function countMismatch(source: string, layers: number, diffIds: number): InputError {
  const issue = { source, path: "config rootfs.diff_ids", expected: `${layers} DiffIDs`, got: `${diffIds}` };
  return new InputError("INVALID_IMAGE", `${source}: manifest and config do not have the same layers`, [issue]);
}

/** The platform that this machine runs, which is meant when nobody names one. Images are always for Linux. */
export function machinePlatform(): Platform {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return { os: "linux", architecture: names[process.arch] ?? process.arch };
}

/** The manifest of an index for a platform. Throws `IMAGE_NOT_FOUND`, which lists what there is. */
export function manifestFor(index: Index, platform: Platform, source: string): Descriptor {
  const found = selectPlatform(index, platform);
  if (found !== undefined) return found;
  const all = index.manifests.map((item) => (item.platform === undefined ? "unknown" : platformName(item.platform)));
  const expected = all.length === 0 ? "any image" : [...new Set(all)].join(", ");
  const issue = { source, path: "platform", expected, got: platformName(platform) };
  throw new InputError("IMAGE_NOT_FOUND", `${source} has no image for ${platformName(platform)}`, [issue], {
    hint: "choose a platform that the image has, or another image",
  });
}

function platformName({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])].join("/");
}
