import { createHash } from "node:crypto";
import { InputError, type InputIssue } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import type { Image } from "./image.ts";
import { decodeConfig, type ImageConfig } from "./image-config.ts";
import type { ByteStream, Layer } from "./layer.ts";
import { decodeManifest } from "./manifest.ts";
import type { Raw } from "./raw.ts";

/**
 * Reads an image completely and recomputes every digest, size and DiffID. Throws `INVALID_IMAGE`
 * with everything that does not fit; `source` names the image.
 */
export async function validate(image: Image, source = "image"): Promise<void> {
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()]);
  const decoded = decodeManifest(manifest.bytes, `${source}: manifest`).value;
  const issues: InputIssue[] = [
    ...compare(source, "manifest", manifest.digest, digestOf(manifest.bytes)),
    ...compare(source, "config.digest", decoded.config.digest, digestOf(config.bytes)),
    ...compare(source, "config.size", decoded.config.size, config.bytes.length),
    ...compare(source, "config", config.digest, digestOf(config.bytes)),
    ...checkConfig(source, config, decoded.layers.length, layers),
  ];
  for (const [index, layer] of layers.entries()) {
    issues.push(...(await checkLayer(source, `layers[${index}]`, layer, decoded.layers[index])));
  }
  if (issues.length > 0) throw new InputError("INVALID_IMAGE", `${source} is not a valid image`, issues);
}

function checkConfig(source: string, raw: Raw<ImageConfig>, count: number, layers: readonly Layer[]): InputIssue[] {
  const config = decodeConfig(raw.bytes, `${source}: config`).value;
  const diffIds = config.rootfs.diff_ids;
  const history = config.history?.filter((line) => line.empty_layer !== true);
  return [
    ...compare(source, "layers", count, layers.length),
    ...compare(source, "rootfs.diff_ids", count, diffIds.length),
    ...(history === undefined ? [] : compare(source, "history", count, history.length)),
    ...layers.flatMap((layer, index) => compare(source, `rootfs.diff_ids[${index}]`, layer.diffId, diffIds[index])),
  ];
}

async function checkLayer(
  source: string,
  path: string,
  layer: Layer,
  inManifest: Descriptor | undefined,
): Promise<InputIssue[]> {
  const descriptor = await layer.descriptor();
  const [blob, tar] = await Promise.all([measure(layer.compressed()), measure(layer.uncompressed())]);
  return [
    ...compare(source, `${path}.digest`, descriptor.digest, blob.digest),
    ...compare(source, `${path}.size`, descriptor.size, blob.size),
    ...compare(source, `${path} in the manifest`, inManifest?.digest, descriptor.digest),
    ...compare(source, `${path}.size in the manifest`, inManifest?.size, descriptor.size),
    ...compare(source, `${path}.mediaType in the manifest`, inManifest?.mediaType, descriptor.mediaType),
    ...compare(source, `${path} DiffID`, layer.diffId, tar.digest),
  ];
}

function compare(source: string, path: string, expected: unknown, got: unknown): InputIssue[] {
  return expected === got ? [] : [{ source, path, expected: String(expected), got: String(got) }];
}

async function measure(stream: ByteStream): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}
