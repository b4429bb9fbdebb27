import { rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.ts";
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
    resolve: (ref, { platform } = {}) =>
      readLayout(layoutPath(layoutDirectory, ref), { platform: platform ?? options.platform }),
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
