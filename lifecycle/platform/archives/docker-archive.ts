import type { TarWriter } from "../../layers/tar-writer.ts";
import { type Digest, hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { verified } from "../../stores/verified.ts";
import { familiarName } from "../familiar-name.ts";

const about = { type: "file", mode: 0o644, uid: 0, gid: 0 } as const;

/**
 * Writes what `docker load`, `podman load` and skopeo's `docker-archive:` read: the config, a file
 * per layer and `manifest.json`. Layers stay compressed: all of them look at the content.
 */
export async function writeDockerArchive(tar: TarWriter, image: Image, refs: readonly ImageRef[]): Promise<void> {
  const [config, layers] = await Promise.all([image.config(), image.layers()]);
  const configName = `${hex(config.digest)}.json`;
  await tar.entry({ ...about, name: configName }, config.bytes);
  const names: string[] = [];
  const written = new Set<Digest>();
  for (const layer of layers) {
    const descriptor = await layer.descriptor();
    const { digest, size } = descriptor;
    const name = `${hex(layer.diffId)}.tar.gz`;
    names.push(name);
    if (written.has(digest)) continue;
    written.add(digest);
    await tar.header({ ...about, name, size });
    await tar.stream(size, verified(layer.compressed(), descriptor, "the image"));
  }
  const RepoTags = refs.filter(({ tag }) => tag !== undefined).map(familiarName);
  const manifest = JSON.stringify([{ Config: configName, RepoTags, Layers: names }]);
  await tar.entry({ ...about, name: "manifest.json" }, Buffer.from(manifest));
}
