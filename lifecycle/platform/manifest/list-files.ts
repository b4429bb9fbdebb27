import { rm } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import { withLock } from "../../stores/layout/lock.ts";
import { privateDirectory } from "../places.ts";
import { readIfThere, replaceFile } from "../private-file.ts";
import { decodeList, encodeList, type ManifestList } from "./manifest-list.ts";

/** The manifest lists of this machine: a file per list in a directory. */
export interface ListFiles {
  /** Throws `INVALID_JSON` for a file that was damaged. */
  read(name: string): Promise<ManifestList | undefined>;
  /**
   * Changes a list while no other process does; what `change` returns is written, undefined removes the
   * list. It is given undefined when there is none.
   */
  update(
    name: string,
    change: (list: ManifestList | undefined) => Promise<ManifestList | undefined>,
  ): Promise<ManifestList | undefined>;
}

/** Lists below a directory, which is made when the first one is written. */
export function listFiles(directory: string): ListFiles {
  // No part of a name becomes a path: slashes and colons are escaped.
  const fileOf = (name: string): string => join(directory, `${encodeURIComponent(name)}.json`);
  const read: ListFiles["read"] = async (name) => {
    const path = fileOf(name);
    const text = await readIfThere(path);
    return text === undefined ? undefined : decodeList(text, path);
  };
  return {
    read,
    update: async (name, change) => {
      await privateDirectory(directory);
      const path = fileOf(name);
      return withLock(`${path}.lock`, async () => {
        const changed = await change(await read(name));
        if (changed === undefined) await rm(path, { force: true });
        else await replaceFile(path, encodeList(changed));
        return changed;
      });
    },
  };
}

/** Throws `IMAGE_NOT_FOUND` for a list that is not there. */
export function requireList(list: ManifestList | undefined, name: string): ManifestList {
  if (list !== undefined) return list;
  throw new TspackError("IMAGE_NOT_FOUND", `there is no manifest list ${name} on this machine`, {
    hint: "tspack manifest create makes it",
  });
}
