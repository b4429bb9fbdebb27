import { TspackError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteStream } from "../oci/layer.ts";
import type { ImageRef } from "../oci/reference.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource, LayerReport } from "./store.ts";
import { storedImage } from "./stored-image.ts";
import { verified } from "./verified.ts";

/** A store that lives as long as its process: for tests, and for images on their way. */
export type MemoryStore = ImageSource & ImageSink & ImageDeleter & AccessCheck;

/** An empty store in memory. */
export function memoryStore(): MemoryStore {
  const blobs = new Map<Digest, Uint8Array>();
  const manifests = new Map<Digest, Uint8Array>();
  const names = new Map<string, Digest>();
  const find = (ref: ImageRef): Uint8Array | undefined => {
    const digest = ref.digest ?? names.get(tagName(ref));
    return digest === undefined ? undefined : manifests.get(digest);
  };
  const open = async function* (descriptor: Descriptor): ByteStream {
    const blob = blobs.get(descriptor.digest);
    if (blob !== undefined) yield blob;
  };
  return {
    checkAccess: () => Promise.resolve(),
    async resolve(ref) {
      const bytes = find(ref);
      return bytes === undefined ? undefined : storedImage(bytes, { source: "memory", open });
    },
    async write(image, refs, options) {
      const layers: LayerReport[] = [];
      for (const layer of await image.layers()) {
        const { digest, size } = await layer.descriptor();
        const present = blobs.has(digest);
        if (!present) blobs.set(digest, await collect(layer.compressed(), { digest, size }, options?.ctx?.signal));
        layers.push({ digest, size, outcome: present ? "present" : "sent" });
      }
      const [manifest, config] = [await image.manifest(), await image.config()];
      blobs.set(config.digest, config.bytes);
      manifests.set(manifest.digest, manifest.bytes);
      for (const ref of refs) if (ref.tag !== undefined) names.set(tagName(ref), manifest.digest);
      return { digest: manifest.digest, manifestSize: manifest.bytes.length, layers };
    },
    async delete(ref) {
      if (ref.digest === undefined) return names.delete(tagName(ref));
      for (const [name, digest] of names) if (digest === ref.digest) names.delete(name);
      return manifests.delete(ref.digest);
    },
  };
}

function tagName(ref: ImageRef): string {
  return `${ref.registry}/${ref.repository}:${ref.tag ?? "latest"}`;
}

async function collect(
  stream: ByteStream,
  descriptor: Pick<Descriptor, "digest" | "size">,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of verified(stream, descriptor, "the image")) {
    if (signal?.aborted === true) throw new TspackError("CANCELED", "stopped");
    // The chunk belongs to the stream, which may use its memory again.
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
