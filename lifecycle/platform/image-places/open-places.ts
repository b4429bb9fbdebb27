import { existsSync } from "node:fs";
import { TspackError } from "../../errors.ts";
import { type ImageRef, withDigest } from "../../oci/reference.ts";
import { type EngineStore, engineStore } from "../../stores/engine/engine-store.ts";
import type { RegistryStore } from "../../stores/registry/registry-store.ts";
import { findEngine } from "../engine/endpoint.ts";
import { type OpenEngine, openEngine } from "../engine/open-engine.ts";
import { removeTree } from "../rootfs.ts";
import type { Tools } from "../tools.ts";
import { once, openFilePlace } from "./file-places.ts";
import type { ImagePlace, IndexPlace } from "./image-place.ts";
import { parsePlace } from "./parse-place.ts";
import { workDirectory } from "../work-directory.ts";

/** Stores that a name can mean. */
export type NamedStore = "local" | "registry" | "engine";

/** The places of images that one command works with. */
export interface ImagePlaces {
  /**
   * The place of an image: a file when its name says so; else in the store that is asked for, and
   * without one in the local store or, when it is only there, in the container engine.
   */
  readonly open: (name: string, store?: NamedStore) => Promise<ImagePlace>;
  /** The images of the person's container engine. Throws `ENGINE_UNREACHABLE`. */
  readonly engine: () => Promise<{ readonly store: EngineStore; readonly name: string }>;
}

/** How images of an engine are read. */
export interface ImagePlacesOptions {
  /** Whether their layers, which engines have as plain tars, are compressed, for images that are made of them. */
  readonly compress?: boolean;
}

/**
 * Works with places of images; what was unpacked for it goes away afterwards. Throws
 * `INVALID_REFERENCE`, `INVALID_ARGUMENTS`, `ENGINE_UNREACHABLE` and what the work throws.
 */
export async function withImagePlaces<T>(
  tools: Tools,
  work: (places: ImagePlaces) => Promise<T>,
  { compress = false }: ImagePlacesOptions = {},
): Promise<T> {
  let opened: OpenEngine | undefined;
  let directory: string | undefined;
  const scratch = once(async () => {
    directory = await workDirectory(tools.places.builds, "images-", tools.ctx.clock());
    return directory;
  });
  const engine = once(async () => {
    opened = await openEngine(tools.machine.env, tools.ctx.signal);
    const place = await scratch();
    const compressIn = compress ? await tools.blobs() : undefined;
    const store = engineStore({ engine: opened.connection, directory: () => place, compressIn });
    return { store, name: opened.name };
  });
  const open: ImagePlaces["open"] = async (name, store) => {
    const parsed = parsePlace(name);
    if (parsed.kind !== "name") {
      const { machine, ctx } = tools;
      return openFilePlace(name, parsed, { cwd: machine.cwd, scratch, blobs: () => tools.blobs(), ctx });
    }
    return openNamed(name, parsed.ref, store, tools, engine);
  };
  try {
    return await work({ open, engine });
  } finally {
    await opened?.close();
    if (directory !== undefined) await removeTree(directory);
  }
}

async function openNamed(
  name: string,
  ref: ImageRef,
  wanted: NamedStore | undefined,
  tools: Tools,
  engine: ImagePlaces["engine"],
): Promise<ImagePlace> {
  const store = wanted ?? ((await isOnlyInEngine(ref, tools, engine)) ? "engine" : "local");
  const base = { name, kind: store, ref } as const;
  switch (store) {
    case "local": {
      const { local: sink, places } = tools;
      return { ...base, where: places.images, image: once(() => sink.resolve(ref)), sink };
    }
    case "registry": {
      const { registries } = tools;
      const image = once(() => registries.resolve(ref));
      return {
        ...base,
        where: `registry ${ref.registry}`,
        image,
        sink: registries,
        indexes: indexesOf(ref, registries),
      };
    }
    case "engine": {
      const { store: sink, name: where } = await engine();
      return { ...base, where, image: once(() => sink.resolve(ref)), sink };
    }
  }
}

function indexesOf(ref: ImageRef, registries: RegistryStore): IndexPlace {
  return {
    read: () => registries.readIndex(ref),
    image: ({ digest }) => registries.resolve(withDigest(ref, digest)),
    put: async (image, options) => registries.write(image, [withDigest(ref, (await image.manifest()).digest)], options),
    write: (index) => registries.writeIndex(index, ref),
  };
}

/** An engine is asked only when the local store does not have the image, and only where one seems to be. */
async function isOnlyInEngine(ref: ImageRef, tools: Tools, engine: ImagePlaces["engine"]): Promise<boolean> {
  if ((await tools.local.resolve(ref)) !== undefined || !seemsToHaveEngine(tools)) return false;
  try {
    return (await (await engine()).store.resolve(ref)) !== undefined;
  } catch (error) {
    if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
    tools.ctx.logger.debug(`The container engine was not asked for ${ref.original}: ${error.message}`);
    return false;
  }
}

/** Whether an engine is named, or its usual socket is there. */
export function seemsToHaveEngine({ machine }: Tools): boolean {
  const { address } = findEngine(machine.env);
  return address.kind !== "unix" || existsSync(address.path);
}
