import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Index } from "../../oci/manifest.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { parseReference } from "../../oci/reference.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource } from "../store.ts";
import type { Leases } from "../leases.ts";
import { collectGarbage, type Collected, type CollectOptions } from "./collect.ts";
import { type IndexHooks, nameOf, readIndex, updateIndex } from "./index-file.ts";
import { readLayout } from "./read-layout.ts";
import { writeLayout } from "./write-layout.ts";

/** Options of the local image store. */
export interface LayoutStoreOptions {
  /** The platform that is meant when nobody names one; that of this machine when absent. */
  readonly platform?: Platform | undefined;
  /** Who uses images at the moment; without it an hour without a touch has to be enough. */
  readonly leases?: Leases | undefined;
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
  /** Removes blobs that no name leads to and nobody uses. Throws `LOCK_TIMEOUT`. */
  prune(options?: Pick<CollectOptions, "grace" | "dryRun">): Promise<Collected>;
}

/**
 * The local image store in a directory, made at the first write. Blobs are hard links where the
 * layer has a file. Several processes may use it; what nothing refers to any more is removed
 * an hour later at the earliest, by a write, a delete or `prune`, and not while somebody who was
 * there before uses it.
 */
export function layoutStore(directory: string, options: LayoutStoreOptions = {}): LayoutStore {
  const { leases } = options;
  const collect = async (index: Index, more: CollectOptions): Promise<Collected> =>
    collectGarbage(directory, index, { ...more, inUseSince: await leases?.earliest() });
  const after = async (index: Index, dropped: readonly Descriptor[]): Promise<void> => {
    await collect(index, { dropped });
  };
  return {
    checkAccess: () => Promise.resolve(),
    resolve: async (ref, { platform } = {}) => {
      // Where nothing is, nothing is made: the store may be read-only, or of somebody else.
      if ((await readIndex(directory)) === undefined) return undefined;
      await leases?.begin();
      const selected = { ...selection(ref), platform: platform ?? options.platform };
      return readLayout(directory, selected, { trusted: true });
    },
    write: async (image, refs, writeOptions) => {
      await leases?.begin();
      const names = refs.filter(({ tag }) => tag !== undefined).map(fullName);
      const label = `Storing ${refs[0]?.original ?? "image"}`;
      return writeLayout(directory, image, { ...writeOptions, names, label, after });
    },
    delete: (ref) => deleteEntries(directory, ref, after),
    list: () => listNames(directory),
    prune: async (pruneOptions = {}) => {
      let collected: Collected = { blobs: 0, bytes: 0 };
      if ((await readIndex(directory)) === undefined) return collected;
      const work = async (index: Index): Promise<void> => {
        collected = await collect(index, pruneOptions);
      };
      await updateIndex(directory, (entries) => entries, { after: work });
      return collected;
    },
  };
}

function selection(ref: ImageRef): { readonly name?: string; readonly digest?: Digest } {
  return ref.digest === undefined ? { name: fullName(ref) } : { digest: ref.digest };
}

/** The name with everything filled in, so that one image has one name: `index.docker.io/library/debian:latest`. */
export function fullName(ref: ImageRef): string {
  return `${ref.registry}/${ref.repository}:${ref.tag ?? "latest"}`;
}

async function deleteEntries(directory: string, ref: ImageRef, after: IndexHooks["after"]): Promise<boolean> {
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
    { after },
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
