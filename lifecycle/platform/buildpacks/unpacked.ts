import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { Layer } from "../../oci/layer.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import { removeTree, unpackRootfs } from "../rootfs.ts";
import { type BuildModule, moduleFolder, moduleName, type ModulePorts } from "./module.ts";

/**
 * Takes a layer of an image into the blob cache, so that it is fetched once and checked against
 * its DiffID before anything is read from it. Throws `DIGEST_MISMATCH`, `INVALID_IMAGE`, `DISK_FULL`.
 */
export async function keepLayer(layer: Layer, { blobs }: ModulePorts): Promise<Layer> {
  const known = await blobs.layer(layer.diffId);
  if (known !== undefined) return known;
  const descriptor: Descriptor = await layer.descriptor();
  await blobs.put(descriptor, layer.compressed(), layer.diffId);
  const kept = await blobs.layer(layer.diffId, descriptor.mediaType === ociTypes.layerZstd ? "zstd" : "gzip");
  if (kept !== undefined) return kept;
  throw new TspackError("DIGEST_MISMATCH", `the layer ${descriptor.digest} is not ${layer.diffId}, as its image says`, {
    hint: "the image is damaged or was made to deceive; get it again from its author",
  });
}

/** Unpacks a layer of buildpacks, once per DiffID, and returns the directory that stands for `/`. */
export function unpackLayer(layer: Layer, what: string, { modulesDir, ctx }: ModulePorts): Promise<string> {
  const image = imageFromParts({ format: "oci", layers: [layer], config: { os: "linux", architecture: "" } });
  return unpackRootfs(image, modulesDir, what, ctx);
}

/** Milliseconds after which what is half unpacked belongs to nobody any more. */
const abandonedAfter = 48 * 60 * 60 * 1000;

/** Removes what a tspack that was killed left half done: names with a dot before them. */
export async function removeHalfUnpacked(modulesDir: string, now: Date): Promise<void> {
  const names = await readdir(modulesDir).catch(() => []);
  for (const name of names.filter((one) => one.startsWith("."))) {
    const path = join(modulesDir, name);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined || now.getTime() - info.mtimeMs < abandonedAfter) continue;
    await removeTree(path).catch(() => undefined);
  }
}

/** The directory of a buildpack or extension on this machine: that of its own content, never to be written to. */
export async function moduleDirectory(module: BuildModule, ports: ModulePorts): Promise<string> {
  const { kind, descriptor, layer } = module;
  const root = await unpackLayer(layer, moduleName(descriptor), ports);
  return join(root, moduleFolder(kind, descriptor.id, descriptor.version));
}
