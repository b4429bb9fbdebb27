import { join } from "node:path";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import type { Context } from "../../context.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Layer } from "../../oci/layer.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { Network } from "../debian/download.ts";

/** Buildpacks and image extensions are found, packed and carried in the same way. */
export type ModuleKind = "buildpack" | "extension";

/** A buildpack or extension, wherever it came from, with the layer that holds it. */
export interface BuildModule {
  readonly kind: ModuleKind;
  readonly descriptor: BuildpackDescriptor;
  /** Kept in the blob cache. It may hold further ones when a package was flattened. */
  readonly layer: Layer;
}

/** What one reference leads to: a buildpack, and those that its order needs and that came with it. */
export interface ModuleSet {
  readonly main: BuildModule;
  readonly dependencies: readonly BuildModule[];
}

/** The index of a buildpack registry. */
export interface BuildpackIndex {
  /**
   * The image of a version, of the highest without one. Throws `BUILDPACK_NOT_FOUND`, `GIT_FAILED`, `TOOL_MISSING`,
   * `INVALID_JSON`, `INVALID_BUILDPACK`; `source` is where the id came from.
   */
  find(id: string, version: string | undefined, source: string): Promise<ImageRef>;
}

/** What finding buildpacks works with. */
export interface ModulePorts {
  /** Where images are read from: the local store, then registries. */
  readonly images: ImageSource;
  /** Looks a buildpack up in the index of a registry; absent: there is none. */
  readonly registry?: BuildpackIndex | undefined;
  readonly blobs: BlobCache;
  /** Unpacked layers of buildpacks, by DiffID. */
  readonly modulesDir: string;
  readonly network: Network;
  /** Whose directories and images are taken where there are several; this machine's when absent. */
  readonly platform?: Platform | undefined;
  readonly ctx: Context;
}

const roots: Readonly<Record<ModuleKind, string>> = { buildpack: "/cnb/buildpacks", extension: "/cnb/extensions" };

/** Where a builder has it: `/cnb/buildpacks/<escaped id>/<version>`. Platform specification, "Buildpacks Directory Layout". */
export function moduleFolder(kind: ModuleKind, id: string, version: string): string {
  return join(roots[kind], escapeId(id), version);
}

/** `buildpack.toml` or `extension.toml`. */
export function descriptorFile(kind: ModuleKind): string {
  return `${kind}.toml`;
}

/** How messages name it: `id@version`. */
export function moduleName({ id, version }: { readonly id: string; readonly version: string }): string {
  return version === "" ? id : `${id}@${version}`;
}

/** Every one of a set, the main one first. */
export function allOf({ main, dependencies }: ModuleSet): readonly BuildModule[] {
  return [main, ...dependencies];
}
