import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, InputError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { decodeIndex, encodeIndex } from "../../oci/manifest.ts";
import type { Index } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";
import { makeBlobFolder, placed } from "./blob-files.ts";
import { withLock } from "./lock.ts";

/** The annotation that names an entry of `index.json`. OCI image-spec, annotations. */
export const refName = "org.opencontainers.image.ref.name";

const layoutFile = "oci-layout";

/** The name of an entry. */
export function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[refName];
}

/** Reads `index.json`; undefined when the directory is no layout. Throws `INVALID_IMAGE`. OCI image-spec, image layout. */
export async function readIndex(directory: string): Promise<Index | undefined> {
  const marker = await readIfThere(join(directory, layoutFile));
  if (marker === undefined) return undefined;
  checkVersion(marker, join(directory, layoutFile));
  const path = join(directory, "index.json");
  const bytes = await readIfThere(path);
  return bytes === undefined ? emptyIndex : decodeIndex(bytes, path).value;
}

const emptyIndex: Index = { schemaVersion: 2, mediaType: ociTypes.index, manifests: [] };

function checkVersion(marker: Uint8Array, source: string): void {
  let got: unknown;
  try {
    got = (JSON.parse(Buffer.from(marker).toString("utf8")) as { readonly imageLayoutVersion?: unknown })
      .imageLayoutVersion;
  } catch {
    got = "no JSON";
  }
  if (typeof got === "string" && got.startsWith("1.")) return;
  const issue = { source, path: "imageLayoutVersion", expected: "1.0.0", got: JSON.stringify(got) ?? "nothing" };
  throw new InputError("INVALID_IMAGE", `${source} is not that of an OCI image layout`, [issue]);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Makes an empty layout unless there is one. */
export async function makeLayout(directory: string): Promise<void> {
  await makeBlobFolder(directory);
  if ((await readIfThere(join(directory, layoutFile))) !== undefined) return;
  await writeText(join(directory, layoutFile), '{"imageLayoutVersion":"1.0.0"}');
}

/** What is done beside a change of entries, while nobody else changes any. */
export interface IndexHooks {
  /** Before: what the new entries lead to has to be there. */
  readonly before?: (() => Promise<void>) | undefined;
  /** After: with the entries as they are now, and those that are gone. */
  readonly after?: ((index: Index, dropped: readonly Descriptor[]) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Changes the entries of `index.json` under the layout's lock: readers see the old file or the new one. */
export async function updateIndex(
  directory: string,
  change: (manifests: readonly Descriptor[]) => readonly Descriptor[],
  { before, after, signal }: IndexHooks = {},
): Promise<void> {
  const work = async (): Promise<void> => {
    const index = (await readIndex(directory)) ?? emptyIndex;
    await before?.();
    const changed = { ...index, manifests: change(index.manifests) };
    await writeText(join(directory, "index.json"), encodeIndex(changed).bytes);
    await after?.(
      changed,
      index.manifests.filter((entry) => !changed.manifests.includes(entry)),
    );
  };
  await withLock(join(directory, "index.json.lock"), work, { signal });
}

async function writeText(path: string, text: string | Uint8Array): Promise<void> {
  await placed(path, (temporary) => writeFile(temporary, text, { flag: "wx", mode: 0o600 }));
}
