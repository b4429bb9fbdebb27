import { silentProgress } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { LayerReport, WriteOptions, WriteReport } from "../store.ts";
import { hasBlobFile, linkBlobFile, writeBlobFile } from "./blob-files.ts";
import { type IndexHooks, makeLayout, nameOf, refName, updateIndex } from "./index-file.ts";

/** How an image goes into a layout. */
export interface LayoutWrite extends WriteOptions {
  /** Names in `index.json`; none adds an entry without a name. */
  readonly names: readonly string[];
  /** Whether the entries that are there are dropped: for layouts of one image. */
  readonly only?: boolean | undefined;
  /** What is shown while it goes on. */
  readonly label: string;
  /** Runs under the layout's lock when the entries are written. */
  readonly after?: IndexHooks["after"];
}

/** Writes an image into an OCI image layout, which is made when missing. Throws `DISK_FULL`, `DIGEST_MISMATCH`, `LOCK_TIMEOUT`, `CANCELED`. */
export async function writeLayout(directory: string, image: Image, options: LayoutWrite): Promise<WriteReport> {
  await makeLayout(directory);
  const progress = (options.ctx?.progress ?? silentProgress).start(options.label, { unit: "bytes" });
  try {
    const layers = await putLayers(directory, image, options, (bytes) => progress.advance(bytes));
    const [manifest, config] = [await image.manifest(), await image.config()];
    const mediaType = manifest.value.mediaType ?? ociTypes.manifest;
    const descriptor = { mediaType, size: manifest.bytes.length, digest: manifest.digest };
    const { os, architecture, variant } = config.value;
    const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    // Images without a platform exist (caches); an entry with an empty one would not be valid.
    const entry = os === "" || architecture === "" ? descriptor : { ...descriptor, platform };
    const change = (entries: readonly Descriptor[]): readonly Descriptor[] =>
      withEntry(options.only === true ? [] : entries, entry, options.names);
    const { ctx, after } = options;
    // Under the lock nothing is collected: what went since it was looked at is put again.
    const before = async (): Promise<void> => void (await putImage(directory, image, { ctx }));
    await updateIndex(directory, change, { before, after, signal: ctx?.signal });
    return { digest: manifest.digest, manifestSize: manifest.bytes.length, layers };
  } finally {
    progress.done();
  }
}

/** Puts the blobs of an image into a layout that is there, and no entry. Throws as `writeLayout`. */
export async function putImage(directory: string, image: Image, options: WriteOptions): Promise<WriteReport> {
  const layers = await putLayers(directory, image, options, () => {});
  const { value, bytes, digest } = await image.manifest();
  await putBytes(directory, value.config, (await image.config()).bytes);
  await putBytes(directory, { digest, size: bytes.length }, bytes);
  return { digest, manifestSize: bytes.length, layers };
}

async function putLayers(
  directory: string,
  image: Image,
  { ctx }: WriteOptions,
  onLayer: (bytes: number) => void,
): Promise<readonly LayerReport[]> {
  const layers: LayerReport[] = [];
  for (const layer of await image.layers()) {
    if (ctx?.signal.aborted === true) throw new TspackError("CANCELED", "stopped");
    const report = await putLayer(directory, layer, ctx?.signal);
    onLayer(report.size);
    layers.push(report);
  }
  return layers;
}

async function putLayer(directory: string, layer: Layer, signal: AbortSignal | undefined): Promise<LayerReport> {
  const descriptor = await layer.descriptor();
  const { digest, size } = descriptor;
  if (await hasBlobFile(directory, descriptor)) return { digest, size, outcome: "present" };
  const file = await layer.blobFile?.();
  if (file !== undefined) {
    const outcome = await linkBlobFile(directory, descriptor, file);
    return { digest, size, outcome: outcome === "linked" ? "linked" : "sent" };
  }
  await writeBlobFile(directory, descriptor, layer.compressed(), signal);
  return { digest, size, outcome: "sent" };
}

/** Puts a blob into a layout unless it is there. Throws as `writeBlobFile`. */
export async function putBytes(
  directory: string,
  descriptor: Pick<Descriptor, "digest" | "size">,
  bytes: Uint8Array,
): Promise<void> {
  if (await hasBlobFile(directory, descriptor)) return;
  const once = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  await writeBlobFile(directory, descriptor, once());
}

function withEntry(entries: readonly Descriptor[], entry: Descriptor, names: readonly string[]): readonly Descriptor[] {
  if (names.length === 0) {
    return entries.some(({ digest }) => digest === entry.digest) ? entries : [...entries, entry];
  }
  const kept = entries.filter((item) => !names.includes(nameOf(item) ?? ""));
  return [...kept, ...[...new Set(names)].map((name) => ({ ...entry, annotations: { [refName]: name } }))];
}
