import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { GroupElement } from "../../cnb/files/group.ts";
import { decodeLayerToml, type LayerToml, noLayerToml } from "../../cnb/files/layer-toml.ts";
import { decodeStoreToml, type StoreToml } from "../../cnb/files/store-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import { errorCode, TspackError } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";
import { ownDirectory, ownPlace } from "./own-directory.ts";
import { readOptional } from "./read-optional.ts";

/** A layer of a buildpack on disk. */
export interface DiskLayer {
  readonly name: string;
  /** `buildpack/id:layer`. */
  readonly id: string;
  readonly toml: LayerToml;
  /** Undefined: there is only the metadata file. */
  readonly place: Place | undefined;
}

/** All that one buildpack left in the layers directory, layers sorted by name. */
export interface BuildpackDir {
  readonly buildpack: GroupElement;
  readonly layers: readonly DiskLayer[];
  /** Ids of the layers whose metadata file cannot be read. */
  readonly malformed: readonly string[];
  readonly store: StoreToml | undefined;
}

/** Files of a buildpack's directory that are no layer's metadata. */
const otherTomls: ReadonlySet<string> = new Set(["launch", "build", "store"]);

/** Reads `<layers>/<buildpack>`; a directory that is not there is empty. Throws what the file system throws. */
export function readBuildpackDir(layers: Place, buildpack: GroupElement): BuildpackDir {
  const escaped = escapeId(buildpack.id);
  const path = ownDirectory(layers, escaped);
  const readings = layerNames(path).map((name) => readLayer(layers, buildpack, name));
  return {
    buildpack,
    layers: readings.flatMap((reading) => (typeof reading === "string" ? [] : [reading])),
    malformed: readings.filter((reading) => typeof reading === "string"),
    store: readOptional(join(path, "store.toml"), decodeStoreToml),
  };
}

/** Directories are layers, and so are metadata files without one: what a buildpack kept of the previous image. */
function layerNames(path: string): readonly string[] {
  const entries = listDirectory(path);
  const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const tomls = entries
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(".toml"))
    .map(({ name }) => name.slice(0, -".toml".length))
    .filter((name) => !otherTomls.has(name));
  return [...new Set([...directories, ...tomls])].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function listDirectory(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** The layer, or its id when its metadata file cannot be read. */
function readLayer(layers: Place, { id: buildpackId }: GroupElement, name: string): DiskLayer | string {
  const escaped = escapeId(buildpackId);
  const id = `${buildpackId}:${name}`;
  const place = ownPlace(layers, escaped);
  try {
    const toml = readOptional(join(place.path, `${name}.toml`), decodeLayerToml) ?? noLayerToml;
    const own: Place = { ...place, path: join(place.path, name), name: join(place.name, name) };
    return { name, id, toml, place: hasContent(own.path) ? own : undefined };
  } catch (error) {
    if (error instanceof TspackError) return id;
    throw error;
  }
}

function hasContent(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
