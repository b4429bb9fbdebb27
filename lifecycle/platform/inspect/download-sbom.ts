import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { labelNames } from "../../cnb/labels.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import type { Image } from "../../oci/image.ts";
import { type ImagePlaces, withImagePlaces } from "../image-places/open-places.ts";
import { isFilePlace } from "../image-places/parse-place.ts";
import { checkDirectory } from "../output/check-directory.ts";
import { orNotHere } from "../require-image.ts";
import type { Tools } from "../tools.ts";

/** Which bills of materials are wanted. */
export interface SbomRequest {
  readonly image: string;
  /** The directory below which `layers/sbom/` is made. */
  readonly outputDir: string;
  /** Look in the registry only. */
  readonly remote?: boolean | undefined;
}

/** What was written. */
export interface SbomDownload {
  /** Where the image was found. */
  readonly where: string;
  /** Paths of the files, sorted. */
  readonly files: readonly string[];
}

/**
 * Unpacks the layer with the bills of materials of an image, and reads no other one. Throws
 * `IMAGE_NOT_FOUND`, `INVALID_IMAGE` for an image without such a layer, `INVALID_TAR`.
 */
export async function downloadSbom(request: SbomRequest, tools: Tools): Promise<SbomDownload> {
  const directory = resolve(tools.machine.cwd, request.outputDir);
  checkDirectory("--output-dir", directory);
  return withImagePlaces(tools, async (places) => {
    const { image, where } = await findImage(request, places);
    const diffId = await sbomLayer(request.image, image);
    const layer = (await image.layers()).find((one) => one.diffId === diffId);
    if (layer === undefined) throw noSbom(request.image, `its label names a layer that it does not have: ${diffId}`);
    await mkdir(directory, { recursive: true });
    await extractTar(layer.uncompressed(), directory, { mode: "restore", signal: tools.ctx.signal });
    return { where, files: await filesBelow(join(directory, "layers/sbom")) };
  });
}

async function findImage(
  { image: name, remote = false }: SbomRequest,
  { open }: ImagePlaces,
): Promise<{ readonly image: Image; readonly where: string }> {
  const stores = isFilePlace(name)
    ? [undefined]
    : remote
      ? (["registry"] as const)
      : ([undefined, "registry"] as const);
  for (const store of stores) {
    const place = await open(name, store);
    const image = await (store === "registry" && !remote ? orNotHere(name, place.image()) : place.image());
    if (image !== undefined) return { image, where: place.where };
  }
  throw new TspackError("IMAGE_NOT_FOUND", `there is no image ${name}`, {
    hint: remote ? "without --remote it is looked for on this machine, too" : "tspack images list shows the local ones",
  });
}

async function sbomLayer(name: string, image: Image): Promise<string> {
  const label = (await image.config()).value.config?.Labels?.[labelNames.lifecycleMetadata];
  if (label === undefined) throw noSbom(name, "it was not made by a lifecycle");
  const { sbom } = decodeLayersMetadata(label, `${name}: ${labelNames.lifecycleMetadata}`);
  if (sbom === undefined || sbom.sha === "") throw noSbom(name, "none of its buildpacks wrote one");
  return sbom.sha;
}

function noSbom(name: string, reason: string): TspackError {
  return new TspackError("INVALID_IMAGE", `${name} has no bill of materials: ${reason}`, {
    hint: "tspack inspect shows what the image has",
  });
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
