import type { Report } from "../../cnb/files/report.ts";
import { TspackError } from "../../errors.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { type ImageRef, withDigest } from "../../oci/reference.ts";
import { engineStore } from "../../stores/engine/engine-store.ts";
import { isRefusal } from "../../stores/engine/podman-history.ts";
import type { EngineConnection } from "../../stores/engine/connection.ts";
import type { ResolvedRequest } from "../build/resolve-request.ts";
import type { ImageSource } from "../../stores/store.ts";
import { engineName } from "./images.ts";
import type { OpenEngine } from "./open-engine.ts";
import type { StoredLayer } from "./summary.ts";

/** An image that containers made, as its store has it. */
export interface FoundImage {
  readonly image: Image;
  readonly layers: readonly StoredLayer[];
  /** Of the manifest; the ID in an engine. */
  readonly digest: string;
  /** How the summary calls the place. */
  readonly store: string;
}

/** Where phases in containers may have written an image to. */
export interface BuiltPlaces {
  readonly resolved: Pick<ResolvedRequest, "names" | "output">;
  readonly tools: { readonly registries: ImageSource };
  readonly engine: { readonly open: Pick<OpenEngine, "connection" | "name"> };
}

/** Finds the image that phases in containers have written. Throws `EXPORT_FAILED` when it is not there. */
export async function builtImage(report: Report, surroundings: BuiltPlaces): Promise<FoundImage> {
  const { resolved, tools, engine } = surroundings;
  const [main] = resolved.names;
  if (main === undefined) throw new Error("an image needs a name");
  if (resolved.output.kind === "engine") return inEngine(main, engine.open.connection, engine.open.name);
  const { digest } = report.image;
  const ref = digest === undefined ? main : withDigest(main, parseDigest(digest));
  const image = (await tools.registries.resolve(ref)) ?? missing(main);
  const manifest = await image.manifest();
  const { rootfs } = (await image.config()).value;
  const layers = manifest.value.layers.map(({ digest: blob, size }, index) => ({
    diffId: rootfs.diff_ids[index] ?? "",
    digest: blob,
    size,
  }));
  return { image, layers, digest: manifest.digest, store: `registry ${main.registry}` };
}

/** An engine knows sizes of unpacked layers only, as lines of the history. */
async function inEngine(main: ImageRef, engine: EngineConnection, name: string): Promise<FoundImage> {
  const image = (await engineStore({ engine, directory: noLayers }).resolve(main)) ?? missing(main);
  const { rootfs } = (await image.config()).value;
  const sizes = await sizesIn(engine, engineName(main));
  // Lines without a layer have the size 0; only when each line is a layer do empty layers show.
  const known = sizes.length === rootfs.diff_ids.length ? sizes : sizes.filter((size) => size > 0);
  const layers = rootfs.diff_ids.map((diffId, index) => ({ diffId, digest: diffId, size: known[index] ?? 0 }));
  return { image, layers, digest: image.engineId ?? "", store: name };
}

/** Sizes of the lines of the history, the oldest first; none where the engine fails at telling it. */
async function sizesIn(engine: EngineConnection, name: string): Promise<readonly number[]> {
  try {
    const lines = await engine.json({ method: "GET", path: `/images/${name}/history` });
    return ((lines ?? []) as readonly { readonly Size?: number }[]).toReversed().map(({ Size: size = 0 }) => size);
  } catch (error) {
    if (isRefusal(error)) return [];
    throw error;
  }
}

function noLayers(): string {
  throw new Error("telling of an image reads no layer of it");
}

function missing(ref: ImageRef): never {
  throw new TspackError("EXPORT_FAILED", `the lifecycle said that it wrote ${ref.original}, which is not there`);
}
