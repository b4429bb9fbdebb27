import { RemoteError, TspackError } from "../../errors.ts";
import { type Digest, digestOf, type DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { dockerHub, type ImageRef, repositoryName } from "../../oci/reference.ts";
import { machinePlatform } from "../stored-image.ts";
import type { BlobCache } from "../blob-cache.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource, LayerReport } from "../store.ts";
import { type EngineConnection, engineError } from "./connection.ts";
import { engineImage } from "./engine-image.ts";
import { gzipLayers } from "./gzip-layers.ts";
import { type InspectedImage, readInspected } from "./inspect.ts";
import { type LoadJob, loadImage } from "./load-image.ts";
import { isRefusal, podmanHistory } from "./podman-history.ts";
import { unpackSaved } from "./saved-layers.ts";

/** What an engine's images are worked with. */
export interface EngineStoreOptions {
  readonly engine: EngineConnection;
  /** A private directory for layers that the engine saves, asked for when the first one is. Whoever gives it removes it. */
  readonly directory: () => string;
  /**
   * For images that are copied to where layers are kept compressed: a registry, a layout, a cache
   * image. Engines save plain tars; with this each becomes a gzip when its blob is asked for.
   */
  readonly compressIn?: BlobCache | undefined;
}

/** The images of a container engine: Docker with either of its image stores, or Podman. */
export type EngineStore = ImageSource & ImageSink & ImageDeleter & AccessCheck;

/**
 * The images of a container engine. Names are Docker's; an ID is found when it is all that a
 * reference says. Images have no manifest of their own there: what `write` reports as digest is
 * the image's ID. Everything throws `ENGINE_UNREACHABLE` and `ENGINE_ERROR`.
 */
export function engineStore({ engine, directory, compressIn }: EngineStoreOptions): EngineStore {
  const saved = new Map<Digest, Promise<readonly Layer[]>>();
  let query: Promise<string> | undefined;
  const platform = (): Promise<string> => (query ??= platformQuery(engine));
  const layersOf = (image: InspectedImage): Promise<readonly Layer[]> => {
    const known = saved.get(image.id);
    if (known !== undefined) return known;
    const plain = save(engine, image, directory());
    const layers = compressIn === undefined ? plain : plain.then((all) => gzipLayers(all, compressIn));
    saved.set(image.id, layers);
    layers.catch(() => saved.delete(image.id));
    return layers;
  };
  const find = async (ref: ImageRef): Promise<InspectedImage | undefined> => {
    for (const name of namesOf(ref)) {
      const image = await inspect(engine, name, await platform());
      if (image !== undefined) return image;
    }
    return undefined;
  };
  return {
    checkAccess: async () => {
      await engine.keepOpen();
    },
    resolve: async (ref) => {
      const image = await find(ref);
      return image === undefined ? undefined : engineImage(image, () => layersOf(image));
    },
    write: async (image, refs, options = {}) => {
      const tags = refs.filter(({ tag }) => tag !== undefined).map(tagName);
      const near = await Promise.all([...refs, ...(options.mountFrom ?? [])].map(find));
      const job = { image, tags, present: await presentLayers(engine, image, near), ctx: options.ctx };
      const layers = await loadRetrying(engine, job);
      const loaded = await inspect(engine, tags[0] ?? digestOf((await image.config()).bytes));
      if (loaded === undefined) {
        throw new TspackError(
          "ENGINE_ERROR",
          `the container engine took ${tags[0] ?? "the image"} and does not have it`,
        );
      }
      return { digest: loaded.id, imageId: loaded.id, manifestSize: 0, layers };
    },
    delete: async (ref) => {
      const image = await find(ref);
      if (image === undefined) return false;
      // An ID stands for the image with all its names, which the engine removes only by force.
      const isId = ref.tag === undefined || idIn(ref) !== undefined;
      await remove(engine, isId ? `${image.id}?force=1` : tagName(ref));
      return true;
    },
  };
}

async function inspect(engine: EngineConnection, name: string, platform = ""): Promise<InspectedImage | undefined> {
  const image = await inspectOne(engine, name, "");
  if (platform === "" || image === undefined) return image;
  const one = await inspectOne(engine, name, platform);
  // The ID stays that of all platforms together: it is what finds the image.
  return one === undefined ? image : { ...one, id: image.id, query: platform };
}

async function inspectOne(engine: EngineConnection, name: string, query: string): Promise<InspectedImage | undefined> {
  const found = await engine.json({ method: "GET", path: `/images/${name}/json${query}` });
  if (found === undefined) return undefined;
  const source = `image ${name} of the engine`;
  try {
    const history = await engine.json({ method: "GET", path: `/images/${name}/history${query}` });
    return readInspected(found, history, source);
  } catch (error) {
    const own = isRefusal(error) ? await podmanHistory(engine, name) : undefined;
    if (own === undefined) throw error;
    return readInspected(found, [], source, own);
  }
}

async function save(
  engine: EngineConnection,
  { id, query, diffIds }: InspectedImage,
  directory: string,
): Promise<readonly Layer[]> {
  const request = { method: "GET", path: `/images/${id}/get${query}` } as const;
  const response = await engine.request(request);
  if (response.status !== 200) throw await engineError(engine.name, request, response);
  return unpackSaved(response.body, diffIds, directory, `image ${id} of the engine`);
}

/**
 * The query that asks for one platform of an image that has several, as only containerd's image
 * store keeps them: that of this machine. Empty for an engine that does not know it (API below 1.49).
 */
async function platformQuery(engine: EngineConnection): Promise<string> {
  const [major = 0, minor = 0] = (await engine.keepOpen()).split(".").map(Number);
  const knows = major > 1 || (major === 1 && minor >= 49);
  if (!knows || !(await keepsContent(engine))) return "";
  return `?platform=${encodeURIComponent(JSON.stringify(machinePlatform()))}`;
}

async function remove(engine: EngineConnection, name: string): Promise<void> {
  await engine.json({ method: "DELETE", path: `/images/${name}` });
}

/** How many of the lowest layers the engine has in the same order, in one of the images that are likely to have them. */
async function presentLayers(
  engine: EngineConnection,
  image: Image,
  near: readonly (InspectedImage | undefined)[],
): Promise<number> {
  const diffIds = (await image.layers()).map(({ diffId }) => diffId);
  const most = Math.max(0, ...near.map((other) => commonLayers(diffIds, other?.diffIds ?? [])));
  return most > 0 && (await keepsContent(engine)) ? 0 : most;
}

function commonLayers(a: readonly DiffId[], b: readonly DiffId[]): number {
  const different = a.findIndex((diffId, index) => diffId !== b[index]);
  return different === -1 ? a.length : different;
}

/** Whether this is Docker with containerd's image store, which wants every blob of an image. */
async function keepsContent(engine: EngineConnection): Promise<boolean> {
  const info = (await engine.json({ method: "GET", path: "/info" })) as { readonly DriverStatus?: unknown } | undefined;
  const status = Array.isArray(info?.DriverStatus) ? (info.DriverStatus as readonly unknown[]) : [];
  return status.some(
    (pair) =>
      Array.isArray(pair) && pair[0] === "driver-type" && String(pair[1]).startsWith("io.containerd.snapshotter"),
  );
}

/** An image that had the layers may be removed meanwhile; then everything is sent. */
async function loadRetrying(engine: EngineConnection, job: LoadJob): Promise<readonly LayerReport[]> {
  try {
    return await loadImage(engine, job);
  } catch (error) {
    if (job.present === 0 || !(error instanceof RemoteError) || error.code !== "ENGINE_ERROR") throw error;
    return loadImage(engine, { ...job, present: 0 });
  }
}

/** What the engine is asked for, most exact first. */
function namesOf(ref: ImageRef): readonly string[] {
  const id = idIn(ref);
  if (id !== undefined) return [id];
  if (ref.digest === undefined) return [tagName(ref)];
  // The digest is a manifest's when the image was pulled, and the ID when we wrote it.
  return [`${engineRepository(ref)}@${ref.digest}`, ref.digest];
}

/** The ID that a reference is, with or without its algorithm. */
function idIn({ original }: ImageRef): string | undefined {
  const digits = /^(?:sha256:)?([0-9a-f]{64})$/.exec(original)?.[1];
  return digits === undefined ? undefined : `sha256:${digits}`;
}

function tagName(ref: ImageRef): string {
  return `${engineRepository(ref)}:${ref.tag ?? "latest"}`;
}

/** Engines call Docker Hub by another name than its registry has. */
function engineRepository(ref: ImageRef): string {
  return ref.registry === dockerHub ? `docker.io/${ref.repository}` : repositoryName(ref);
}
