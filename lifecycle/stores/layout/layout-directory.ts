import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, InputError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { hex } from "../../oci/digest.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource } from "../store.ts";
import { readIndex } from "./index-file.ts";
import type { LayoutStoreOptions } from "./layout-store.ts";
import { readLayout } from "./read-layout.ts";
import { writeLayout } from "./write-layout.ts";

/**
 * Where an image lies below `-layout-dir`: `REGISTRY/REPOSITORY/TAG`, or
 * `REGISTRY/REPOSITORY/sha256/HEX` for a digest. Platform specification, mapping an image
 * reference to a path in the layout directory.
 */
export function layoutPath(layoutDirectory: string, ref: ImageRef): string {
  const last = ref.digest === undefined ? [ref.tag ?? "latest"] : ["sha256", hex(ref.digest)];
  const parts = [ref.registry, ...ref.repository.split("/"), ...last];
  // A parsed reference has none of these; a reference made by hand could.
  if (parts.some((part) => part === "" || part === "." || part === ".." || /[/\\\0]/.test(part))) {
    const issue = { source: ref.original, path: "", expected: "a name without . and ..", got: parts.join("/") };
    throw new InputError("INVALID_REFERENCE", `${ref.original} cannot be a path`, [issue]);
  }
  return join(layoutDirectory, ...parts);
}

/** The store of `-layout`: a directory per image, each an OCI image layout with one entry. */
export function layoutDirectoryStore(
  layoutDirectory: string,
  options: LayoutStoreOptions = {},
): ImageSource & ImageSink & ImageDeleter & AccessCheck {
  return {
    checkAccess: () => Promise.resolve(),
    async resolve(ref, { platform = options.platform } = {}) {
      const image = await readLayout(layoutPath(layoutDirectory, ref), { platform });
      if (image !== undefined || ref.digest === undefined) return image;
      const tagged = await directoryWithDigest(layoutDirectory, ref, ref.digest);
      return tagged === undefined ? undefined : readLayout(tagged, { platform, digest: ref.digest });
    },
    async write(image, refs, writeOptions) {
      const [first, ...others] = refs;
      if (first === undefined) throw new Error("an image needs a name to be written");
      const write = (ref: ImageRef): ReturnType<typeof writeLayout> =>
        writeLayout(layoutPath(layoutDirectory, ref), image, {
          ...writeOptions,
          names: [],
          only: true,
          label: `Storing ${ref.original}`,
        });
      const report = await write(first);
      for (const ref of others) await write(ref);
      return report;
    },
    async delete(ref) {
      const path = layoutPath(layoutDirectory, ref);
      if ((await readIndex(path)) === undefined) return false;
      await rm(path, { recursive: true });
      return true;
    },
  };
}

/** An image that was written under a tag is found by its digest, too: analyzed.toml names it so. */
async function directoryWithDigest(
  layoutDirectory: string,
  ref: ImageRef,
  digest: Digest,
): Promise<string | undefined> {
  const repository = dirname(layoutPath(layoutDirectory, { ...ref, digest: undefined, tag: "latest" }));
  for (const name of await entriesOf(repository)) {
    const path = join(repository, name);
    const index = await readIndex(path);
    if (index?.manifests.some((entry) => entry.digest === digest) === true) return path;
  }
  return undefined;
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
