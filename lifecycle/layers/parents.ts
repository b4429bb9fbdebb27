import { posix } from "node:path";
import { byteString } from "../oci/tar/byte-string.ts";
import { statsOf } from "./disk-entry.ts";
import type { Place } from "./place.ts";
import type { TarWriter } from "./tar-writer.ts";

/**
 * Writes the directories above a place, the topmost first and without the root, so that
 * unpacking the layer alone gives each its owner. They are as on disk (a link counts as the
 * directory that it leads to), or as `place.parents` says.
 */
export async function writeParents(tar: TarWriter, place: Place): Promise<void> {
  for (const parent of parentsOf(place)) {
    await tar.header({ name: parent.name, type: "dir", ...ownerAndMode(parent, place) });
  }
}

/** The same directories as a text that changes when their entries do. Throws `EXPORT_FAILED`. */
export function describeParents(place: Place): string {
  return parentsOf(place)
    .map((parent) => {
      const { uid, gid, mode } = ownerAndMode(parent, place);
      return `${parent.name}\0${uid} ${gid} ${mode}`;
    })
    .join("\0");
}

interface Parent {
  readonly path: string;
  readonly name: string;
}

function parentsOf(place: Place): readonly Parent[] {
  const name = posix.dirname(place.name);
  if (name === "/" || name === ".") return [];
  const parent = { path: posix.dirname(place.path), name };
  return [...parentsOf(parent), parent];
}

function ownerAndMode(
  parent: Parent,
  place: Place,
): { readonly uid: number; readonly gid: number; readonly mode: number } {
  if (place.parents !== undefined) return place.parents;
  const stats = statsOf(byteString(parent.path), true);
  return { uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777 };
}
