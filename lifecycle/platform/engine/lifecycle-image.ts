import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { packEntries } from "../../layers/pack-entries.ts";
import type { Image } from "../../oci/image.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";

const created = "1980-01-01T00:00:01Z";

/**
 * An image of tspack's lifecycle alone, for the phases that see credentials when the builder may
 * not: the lifecycle's layer of our own builder, and a `/tmp`. It runs on nothing else.
 */
export async function lifecycleImage(ownBuilder: Image, blobs: BlobCache, ctx: Context): Promise<Image> {
  const { value } = await ownBuilder.config();
  const layers = await ownBuilder.layers();
  const lines = (value.history ?? []).filter(({ empty_layer: isEmpty }) => isEmpty !== true);
  const layer = layers[lines.findIndex(({ created_by: by }) => by === "tspack builder: lifecycle")];
  if (layer === undefined) {
    throw new TspackError("INVALID_BUILDER", "tspack's own builder has no layer with a lifecycle");
  }
  const root = { uid: 0, gid: 0 };
  const base = await packEntries(
    [
      { name: "/tmp", type: "dir", mode: 0o1777, ...root },
      { name: "/cnb", type: "dir", mode: 0o755, ...root },
    ],
    blobs,
    { signal: ctx.signal },
  );
  const { architecture, os, variant } = value;
  return imageFromParts({
    format: "oci",
    config: {
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      created,
      config: { Env: ["PATH=/cnb/lifecycle"], Labels: { "dev.tspack.purpose": "lifecycle" } },
      // Podman 4 can not tell the history of an image whose lines have no time.
      history: ["tspack lifecycle: base", "tspack lifecycle"].map((line) => ({ created, created_by: line })),
    },
    layers: [base, layer],
  });
}
