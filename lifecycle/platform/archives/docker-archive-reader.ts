import { posix } from "node:path";
import { TspackError } from "../../errors.ts";
import { blobLayer } from "../../oci/blob-layer.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { decodeConfig } from "../../oci/image-config.ts";
import { readJson } from "../../oci/json-reader.ts";
import type { Layer } from "../../oci/layer.ts";
import { encodeManifest } from "../../oci/manifest.ts";
import { dockerTypes } from "../../oci/media-type.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { gzipLayers } from "../../stores/engine/gzip-layers.ts";
import { documentOf, type KeptFile, type KeptFiles, streamOf } from "./kept-files.ts";
import type { ArchivedImage } from "./read-archive.ts";

/**
 * The images of a file of `docker save`; undefined when it is none. Configs stay what they are, so
 * images keep their IDs; the manifest is made here, as such files have none.
 */
export async function readDockerArchive(
  files: KeptFiles,
  source: string,
  blobs: BlobCache,
): Promise<readonly ArchivedImage[] | undefined> {
  const manifest = files.get("manifest.json");
  if (manifest === undefined) return undefined;
  const entries = readManifest(await documentOf(manifest, "manifest.json"), `${source} manifest.json`);
  return Promise.all(
    entries.map(async ({ config, layers, names }) => {
      const file = (name: string): KeptFile => fileOf(name, files, source);
      const image = await imageOf(config, layers.map(file), { source, file, blobs });
      return { image, names };
    }),
  );
}

interface ManifestEntry {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

function readManifest(bytes: Uint8Array, source: string): readonly ManifestEntry[] {
  const { document, reader } = readJson(bytes, source, "INVALID_IMAGE");
  const entries = reader.array(document, "").map((item, index) => {
    const fields = reader.object(item, `[${index}]`);
    const path = `[${index}]`;
    return {
      config: reader.optionalString(fields["Config"], `${path}.Config`) ?? "",
      layers: reader.strings(fields["Layers"] ?? [], `${path}.Layers`) ?? [],
      names: reader.strings(fields["RepoTags"] ?? [], `${path}.RepoTags`) ?? [],
    };
  });
  reader.finish(`${source} is not valid`);
  return entries;
}

function fileOf(name: string, files: KeptFiles, source: string): KeptFile {
  const file = files.get(posix.normalize(name));
  if (file !== undefined) return file;
  throw new TspackError("INVALID_IMAGE", `${source} has no file ${JSON.stringify(name)}`, {
    hint: "the archive is not complete: make it again",
  });
}

async function imageOf(
  configName: string,
  layerFiles: readonly KeptFile[],
  { source, file, blobs }: { source: string; file: (name: string) => KeptFile; blobs: BlobCache },
): Promise<Image> {
  const config = decodeConfig(await documentOf(file(configName), configName), `${source} config`);
  const { diff_ids: diffIds } = config.value.rootfs;
  if (diffIds.length !== layerFiles.length) {
    const message = `${source}: manifest.json has ${layerFiles.length} layers, the config ${diffIds.length}`;
    throw new TspackError("INVALID_IMAGE", message, { hint: "the archive is damaged: make it again" });
  }
  const layers = gzipLayers(
    layerFiles.map((each, index) => layerOf(each, diffIds[index] as DiffId, source)),
    blobs,
  );
  const manifest = async (): ReturnType<Image["manifest"]> =>
    encodeManifest({
      schemaVersion: 2,
      mediaType: dockerTypes.manifest,
      config: { mediaType: dockerTypes.config, size: config.bytes.length, digest: config.digest },
      layers: await Promise.all(layers.map((layer) => layer.descriptor())),
    });
  return { manifest, config: () => Promise.resolve(config), layers: () => Promise.resolve(layers) };
}

function layerOf(file: KeptFile, diffId: DiffId, source: string): Layer {
  const { digest, size, isGzip, path } = file;
  // Before it is kept under that name by the blob cache; of compressed ones the reader of the archive sees.
  if (!isGzip && (digest as string) !== diffId) {
    throw new TspackError("DIGEST_MISMATCH", `${source}: the layer ${diffId} has the content ${digest}`, {
      hint: "the archive is damaged: make it again",
    });
  }
  return blobLayer({
    descriptor: { mediaType: isGzip ? dockerTypes.layerGzip : dockerTypes.layerTar, digest, size },
    diffId,
    open: () => streamOf(file),
    blobFile: () => Promise.resolve(path),
  });
}
