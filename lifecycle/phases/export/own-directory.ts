import { lstatSync } from "node:fs";
import { join } from "node:path";
import { errorCode, TspackError } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";

/**
 * A path in a place whose directories are really there. Outside of the builder the exporter has
 * more rights than the buildpacks, so a directory that one of them replaced by a link must not
 * lead it elsewhere. Throws `INVALID_LAYER`.
 */
export function ownDirectory(place: Place, ...parts: readonly string[]): string {
  const path = join(place.path, ...parts);
  if (place.path === place.name) return path;
  let current = place.path;
  for (const part of parts) {
    current = join(current, part);
    if (isLink(current)) {
      throw new TspackError("INVALID_LAYER", `${join(place.name, ...parts)} is a symbolic link`, {
        hint: "a buildpack may only link inside of its layers, not in place of them",
      });
    }
  }
  return path;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** The same path as a place, so that its layer has the names of the builder. Throws `INVALID_LAYER`. */
export function ownPlace(place: Place, ...parts: readonly string[]): Place {
  const path = ownDirectory(place, ...parts);
  const name = join(place.name, ...parts);
  return place.parents === undefined ? { path, name } : { path, name, parents: place.parents };
}
