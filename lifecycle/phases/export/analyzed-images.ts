import { isAbsolute, relative } from "node:path";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import { InputError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";

/** The images of `analyzed.toml` that export reads. */
export interface AnalyzedImages {
  readonly runImage: ImageRef;
  readonly previousImage: ImageRef | undefined;
}

/**
 * Reads the references of `analyzed.toml`; in a directory of layouts they are paths. Throws
 * `INVALID_ARGUMENTS` without a run image, `INVALID_REFERENCE`.
 */
export function analyzedImages(analyzed: Analyzed, layoutDir: string | undefined): AnalyzedImages {
  const runImage = analyzed.runImage?.reference ?? "";
  if (runImage === "") {
    const issue = {
      source: "analyzed.toml",
      path: "run-image.reference",
      expected: "an image reference",
      got: "nothing",
    };
    throw new InputError("INVALID_ARGUMENTS", "failed to resolve inputs: missing run image in analyzed.toml", [issue], {
      hint: "run the analyzer first; when it ran, it did not find the run image",
    });
  }
  const previous = analyzed.previousImage?.reference ?? "";
  return {
    runImage: readReference(runImage, "run-image.reference", layoutDir),
    previousImage: previous === "" ? undefined : readReference(previous, "image.reference", layoutDir),
  };
}

function readReference(text: string, key: string, layoutDir: string | undefined): ImageRef {
  const source = `analyzed.toml ${key}`;
  if (layoutDir === undefined || !isAbsolute(text)) return parseReference(text, source);
  // <layout-dir>/<registry>/<repository>/<tag>@<digest>: the directory holds one image.
  const path = relative(layoutDir, text.replace(/@sha256:[0-9a-f]+$/, ""));
  const byDigest = /^(.+)\/sha256\/([0-9a-f]{64})$/.exec(path);
  const byTag = /^(.+)\/([^/]+)$/.exec(path);
  if (byDigest !== null) return parseReference(`${byDigest[1]}@sha256:${byDigest[2]}`, source);
  return parseReference(byTag === null ? path : `${byTag[1]}:${byTag[2]}`, source);
}
