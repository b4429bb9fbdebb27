import { isAbsolute, relative } from "node:path";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import { InputError, TspackError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";

/** The images of `analyzed.toml` that export reads. */
export interface AnalyzedImages {
  readonly runImage: ImageRef;
  readonly previousImage: ImageRef | undefined;
}

/**
 * Reads the references of `analyzed.toml`; in a directory of layouts they are paths. Throws
 * `IMAGE_NOT_FOUND` for a run image that the analyzer did not find, `INVALID_ARGUMENTS` without
 * one, `INVALID_REFERENCE`.
 */
export function analyzedImages(analyzed: Analyzed, layoutDir: string | undefined): AnalyzedImages {
  const runImage = analyzed.runImage?.reference ?? "";
  if (runImage === "") {
    // The analyzer names the image that it did not find.
    const wanted = analyzed.runImage?.image ?? "";
    if (wanted !== "") throw noRunImage(`run image ${wanted} was not found`);
    const issue = {
      source: "analyzed.toml",
      path: "run-image.reference",
      expected: "an image reference",
      got: "nothing",
    };
    throw new InputError("INVALID_ARGUMENTS", "failed to resolve inputs: missing run image in analyzed.toml", [issue], {
      hint: "run the analyzer first",
    });
  }
  const previous = analyzed.previousImage?.reference ?? "";
  return {
    runImage: imageReference(runImage, "run-image.reference", layoutDir),
    previousImage: previous === "" ? undefined : imageReference(previous, "image.reference", layoutDir),
  };
}

/** The error of an export that has nothing to build on. */
export function noRunImage(why: string): TspackError {
  return new TspackError("IMAGE_NOT_FOUND", `failed to create new app image: ${why}`, {
    hint: "the run image that the analyzer chose has to be readable when the image is exported",
  });
}

/** Reads an image's name in `analyzed.toml`, where it may be a path below `layoutDir`. Throws `INVALID_REFERENCE`. */
export function imageReference(text: string, key: string, layoutDir: string | undefined): ImageRef {
  const source = `analyzed.toml ${key}`;
  if (layoutDir === undefined || !isAbsolute(text)) return parseReference(text, source);
  // <layout-dir>/<registry>/<repository>/<tag>@<digest>: the directory holds one image.
  const path = relative(layoutDir, text.replace(/@sha256:[0-9a-f]+$/, ""));
  const byDigest = /^(.+)\/sha256\/([0-9a-f]{64})$/.exec(path);
  const byTag = /^(.+)\/([^/]+)$/.exec(path);
  if (byDigest !== null) return parseReference(`${byDigest[1]}@sha256:${byDigest[2]}`, source);
  return parseReference(byTag === null ? path : `${byTag[1]}:${byTag[2]}`, source);
}
