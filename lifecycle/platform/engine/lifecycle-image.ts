import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { packEntries } from "../../layers/pack-entries.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { ownLifecycle } from "../builder/builder-lifecycle.ts";
import { findBuilderImage } from "../builder/choose-builder.ts";
import { defaultStackFile, localParts, localSources } from "../builder/local-parts.ts";
import type { Tools } from "../tools.ts";

const created = "1980-01-01T00:00:01Z";

/**
 * An image of tspack's lifecycle alone, for the phases that see credentials when the builder may
 * not: the lifecycle's layer of our own builder, and a `/tmp`. It runs on nothing else. It is for the
 * platform of the application, as its launcher ends up there; this machine's when `platform` is
 * absent. Throws `INVALID_BUILDER`, and what making a lifecycle throws.
 */
export async function lifecycleImage(
  platform: Platform | undefined,
  mirror: string | undefined,
  tools: Tools,
): Promise<Image> {
  const own = machinePlatform();
  const isOwn = platform === undefined || (platform.os === own.os && platform.architecture === own.architecture);
  const blobs = await tools.blobs();
  if (!isOwn) return imageOf(await layerFor(platform, mirror, blobs, tools), platform, blobs, tools.ctx);
  const builder = await findBuilderImage(tools, undefined, mirror);
  const { architecture, os, variant } = (await builder.config()).value;
  const of = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  return imageOf(await layerIn(builder), of, blobs, tools.ctx);
}

async function layerIn(ownBuilder: Image): Promise<Layer> {
  const { value } = await ownBuilder.config();
  const layers = await ownBuilder.layers();
  const lines = (value.history ?? []).filter(({ empty_layer: isEmpty }) => isEmpty !== true);
  const layer = layers[lines.findIndex(({ created_by: by }) => by === "tspack builder: lifecycle")];
  if (layer !== undefined) return layer;
  throw new TspackError("INVALID_BUILDER", "tspack's own builder has no layer with a lifecycle");
}

/** The lifecycle of another architecture, with a Node and a C library for it. */
async function layerFor(
  { os, architecture }: Platform,
  mirror: string | undefined,
  blobs: BlobCache,
  tools: Tools,
): Promise<Layer> {
  if (os !== "linux" || (architecture !== "amd64" && architecture !== "arm64")) {
    throw new TspackError("INVALID_BUILDER", `there is no lifecycle of tspack for ${os}/${architecture}`, {
      hint: "name one with --lifecycle-image, or trust the builder's with --trust-builder",
    });
  }
  const sources = { ...localSources(tools, mirror), arch: architecture } as const;
  const { lifecycle } = await localParts(sources, defaultStackFile(sources), blobs, tools.ctx);
  return packEntries(ownLifecycle(lifecycle).entries, blobs, { signal: tools.ctx.signal });
}

async function imageOf(layer: Layer, platform: Platform, blobs: BlobCache, ctx: Context): Promise<Image> {
  const root = { uid: 0, gid: 0 };
  const base = await packEntries(
    [
      { name: "/tmp", type: "dir", mode: 0o1777, ...root },
      { name: "/cnb", type: "dir", mode: 0o755, ...root },
    ],
    blobs,
    { signal: ctx.signal },
  );
  const { architecture, os, variant } = platform;
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
