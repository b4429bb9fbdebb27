import type { Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { parseReference } from "../../oci/reference.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource } from "../store.ts";
import { collectGarbage } from "./collect.ts";
import { nameOf, readIndex, updateIndex } from "./index-file.ts";
import { readLayout } from "./read-layout.ts";
import { writeLayout } from "./write-layout.ts";

/** Options of the local image store. */
export interface LayoutStoreOptions {
  /** The platform that is meant when nobody names one; that of this machine when absent. */
  readonly platform?: Platform | undefined;
}

/** One name in the local image store. */
export interface StoredName {
  readonly ref: ImageRef;
  readonly digest: Digest;
  readonly platform: Platform | undefined;
}

/** The local image store: many images in one OCI image layout, by their full names. */
export interface LayoutStore extends ImageSource, ImageSink, ImageDeleter, AccessCheck {
  /** Every name, sorted. Entries of other tools whose name is no reference are left out. */
  list(): Promise<readonly StoredName[]>;
}

/**
 * The local image store in a directory, made at the first write. Blobs are hard links where the
 * layer has a file. Several processes may use it; what nothing refers to any more is removed
 * an hour later at the earliest, by a write or a delete.
 */
export function layoutStore(directory: string, options: LayoutStoreOptions = {}): LayoutStore {
  return {
    checkAccess: () => Promise.resolve(),
    resolve: (ref, { platform } = {}) =>
      readLayout(directory, { ...selection(ref), platform: platform ?? options.platform }, { trusted: true }),
    write: (image, refs, writeOptions) =>
      writeLayout(directory, image, {
        ...writeOptions,
        names: refs.filter(({ tag }) => tag !== undefined).map(fullName),
        label: `Storing ${refs[0]?.original ?? "image"}`,
        after: async (index) => void (await collectGarbage(directory, index)),
      }),
    delete: (ref) => deleteEntries(directory, ref),
    list: () => listNames(directory),
  };
}

function selection(ref: ImageRef): { readonly name?: string; readonly digest?: Digest } {
  return ref.digest === undefined ? { name: fullName(ref) } : { digest: ref.digest };
}

/** The name with everything filled in, so that one image has one name: `index.docker.io/library/debian:latest`. */
export function fullName(ref: ImageRef): string {
  return `${ref.registry}/${ref.repository}:${ref.tag ?? "latest"}`;
}

async function deleteEntries(directory: string, ref: ImageRef): Promise<boolean> {
  const index = await readIndex(directory);
  if (index === undefined) return false;
  let found = false;
  await updateIndex(
    directory,
    (entries) => {
      const kept = entries.filter((entry) =>
        ref.digest === undefined ? nameOf(entry) !== fullName(ref) : entry.digest !== ref.digest,
      );
      found = kept.length < entries.length;
      return kept;
    },
    async (changed) => void (await collectGarbage(directory, changed)),
  );
  return found;
}

async function listNames(directory: string): Promise<readonly StoredName[]> {
  const entries = (await readIndex(directory))?.manifests ?? [];
  const names = entries.flatMap(({ digest, platform, ...entry }) => {
    const name = nameOf({ ...entry, digest });
    const ref = name === undefined ? undefined : reference(name);
    return ref === undefined ? [] : [{ ref, digest, platform }];
  });
  const key = ({ ref }: StoredName): string => `${ref.registry}/${ref.repository}\0${ref.tag ?? ""}`;
  return names.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function reference(name: string): ImageRef | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}
