import { InputError, TspackError } from "../../errors.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { Index } from "../../oci/manifest.ts";
import { formatOf, type ManifestFormat } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import { type ImageRef, parseReference, withDigest } from "../../oci/reference.ts";
import { inParallel } from "../../phases/in-parallel.ts";
import { fullName } from "../../stores/layout/layout-store.ts";
import type { Tools } from "../tools.ts";
import { findImages, openEntry } from "./find-images.ts";
import { listFiles, requireList } from "./list-files.ts";
import {
  type EntryChanges,
  findEntry,
  indexOf,
  type ListEntry,
  type ManifestList,
  withChanges,
  withEntries,
  withoutEntry,
} from "./manifest-list.ts";

/** What a list is made of. */
export interface CreateListRequest {
  readonly name: string;
  readonly images: readonly string[];
  readonly format: ManifestFormat;
  /** Send it at once, and keep nothing here. */
  readonly publish: boolean;
}

/** What was sent. */
export interface PushedList {
  readonly name: string;
  readonly digest: string;
}

/**
 * Makes a manifest list of images. Throws `INVALID_ARGUMENTS` for one that is there already,
 * `IMAGE_NOT_FOUND`; with `publish` what `pushList` throws.
 */
export async function createList(request: CreateListRequest, tools: Tools): Promise<PushedList | undefined> {
  const ref = listReference(request.name);
  const name = fullName(ref);
  const refs = request.images.map((image) => parseReference(image));
  const make = async (): Promise<ManifestList> => {
    const found = await inParallel(refs, 4, (one) => findImages(one, tools));
    return withEntries({ name, format: request.format, entries: [] }, found.flat());
  };
  if (request.publish) return send(ref, await make(), undefined, tools);
  await files(tools).update(name, async (before) => {
    if (before === undefined) return make();
    const issue = { source: "argument", path: "", expected: "a name that no list has yet", got: request.name };
    throw new InputError("INVALID_ARGUMENTS", `there is a manifest list ${request.name} already`, [issue], {
      hint: "tspack manifest add adds to it, tspack manifest rm removes it",
    });
  });
  return undefined;
}

/** Adds an image, or all of an index, to a list. Throws `IMAGE_NOT_FOUND`. */
export async function addToList(name: string, image: string, tools: Tools): Promise<void> {
  const ref = parseReference(image);
  await change(name, tools, async (list) => withEntries(list, await findImages(ref, tools)));
}

/** Changes platform or annotations of an image in a list. Throws `IMAGE_NOT_FOUND`. */
export async function annotateList(name: string, image: string, changes: EntryChanges, tools: Tools): Promise<void> {
  const entry = entryNamed(image);
  await change(name, tools, (list) => withChanges(list, entry(list), changes));
}

/** Takes an image out of a list. Throws `IMAGE_NOT_FOUND`. */
export async function removeFromList(name: string, image: string, tools: Tools): Promise<void> {
  const entry = entryNamed(image);
  await change(name, tools, (list) => withoutEntry(list, entry(list)));
}

/** Forgets lists. Throws `IMAGE_NOT_FOUND` for those that are not there, when the others are gone. */
export async function deleteLists(names: readonly string[], tools: Tools): Promise<void> {
  const refs = names.map(listReference);
  const missing: string[] = [];
  for (const ref of refs) {
    await files(tools).update(fullName(ref), (list) => {
      if (list === undefined) missing.push(ref.original);
      return Promise.resolve(undefined);
    });
  }
  if (missing.length > 0) requireList(undefined, missing.join(", "));
}

/** The index that a list would become, else the one of the registry. Throws `IMAGE_NOT_FOUND`. */
export async function inspectList(name: string, tools: Tools): Promise<Raw<Index>> {
  const ref = parseReference(name);
  const list = await files(tools).read(fullName(ref));
  if (list !== undefined) return indexOf(list);
  const remote = await tools.registries.readIndex(ref);
  if (remote !== undefined) return remote;
  throw new TspackError("IMAGE_NOT_FOUND", `there is no manifest list ${name}, neither here nor in its registry`, {
    hint: "tspack inspect shows images",
  });
}

/** How a list is sent. */
export interface PushListOptions {
  /** Instead of the list's own. */
  readonly format?: ManifestFormat | undefined;
  /** Forget the list when it was sent. */
  readonly purge: boolean;
}

/**
 * Sends a list into its registry, with the images that are not in that repository yet. Throws
 * `INVALID_ARGUMENTS` for a list that is no index, `IMAGE_NOT_FOUND`, and errors of the registry.
 */
export async function pushList(name: string, { format, purge }: PushListOptions, tools: Tools): Promise<PushedList> {
  const ref = listReference(name);
  const list = requireList(await files(tools).read(fullName(ref)), name);
  const pushed = await send(ref, list, format, tools);
  if (purge) await files(tools).update(fullName(ref), () => Promise.resolve(undefined));
  return pushed;
}

async function send(
  ref: ImageRef,
  list: ManifestList,
  format: ManifestFormat | undefined,
  tools: Tools,
): Promise<PushedList> {
  const index = indexOf(list, format);
  const { registries, ctx } = tools;
  // The index last: no name ever leads to an image that is not there.
  await inParallel(list.entries, 2, async (entry) => {
    const source = parseReference(entry.name);
    const isThere = source.registry === ref.registry && source.repository === ref.repository;
    if (isThere && entry.from === "registry") return;
    const image = await openEntry(source, entry, tools);
    await registries.write(image, [withDigest(ref, entry.digest)], { ctx, mountFrom: [source] });
  });
  await registries.writeIndex(index, ref);
  const sent = formatOf(index.value.mediaType);
  ctx.logger.debug(`Sent ${ref.original} in the format ${sent}`);
  return { name: ref.original, digest: index.digest };
}

function listReference(name: string): ImageRef {
  const ref = parseReference(name);
  if (ref.digest === undefined) return ref;
  const issue = { source: "argument", path: "", expected: "a name without a digest", got: name };
  throw new InputError("INVALID_REFERENCE", "a manifest list gets its digest from its content", [issue]);
}

/** Finds an entry by the name that it was added by, `NAME@DIGEST` or the digest alone. Throws `INVALID_REFERENCE`. */
function entryNamed(image: string): (list: ManifestList) => ListEntry {
  if (/^sha256:[0-9a-f]{64}$/.test(image)) return (list) => findEntry(list, image, parseDigest(image));
  const ref = parseReference(image);
  return (list) => findEntry(list, fullName(ref), ref.digest);
}

function files({ places }: Tools): ReturnType<typeof listFiles> {
  return listFiles(places.manifests);
}

async function change(
  name: string,
  tools: Tools,
  work: (list: ManifestList) => ManifestList | Promise<ManifestList>,
): Promise<void> {
  const full = fullName(listReference(name));
  await files(tools).update(full, async (list) => work(requireList(list, name)));
}
