export { blobLayer, type BlobLayerParts, inflate } from "./blob-layer.ts";
export type { Descriptor, Platform } from "./descriptor.ts";
export { type Digest, type DiffId, digestOf, hex, parseDiffId, parseDigest } from "./digest.ts";
export { goJson, type JsonWritable, sortedMap } from "./go-json.ts";
export type { Image } from "./image.ts";
export {
  type ContainerConfig,
  decodeConfig,
  encodeConfig,
  type HistoryEntry,
  type ImageConfig,
} from "./image-config.ts";
export type { ByteStream, Layer } from "./layer.ts";
export {
  checkBlob,
  decodeIndex,
  decodeManifest,
  encodeIndex,
  encodeManifest,
  type Index,
  type Manifest,
  selectPlatform,
} from "./manifest.ts";
export * from "./media-type.ts";
export { imageFromParts, type ImageParts, memoryLayer } from "./memory-image.ts";
export * from "./mutate.ts";
export type { Raw } from "./raw.ts";
export { rebase } from "./rebase.ts";
export {
  type ImageRef,
  maybeReference,
  parseReference,
  refIdentifier,
  refName,
  repositoryName,
  withDigest,
} from "./reference.ts";
export { validate } from "./validate.ts";
