import type { InputIssue } from "../../errors.ts";
import { type ImageRef, parseReference, refName } from "../../oci/reference.ts";
import type { BuildRequest, CacheRequest } from "./request.ts";

/**
 * What is wrong with `--cache` and `--cache-image`: alone, with each other and with where the image
 * goes. Throws `INVALID_REFERENCE` for a cache image that is no name.
 */
export function cacheIssues(
  { caches = [], cacheImage, output }: BuildRequest,
  names: readonly ImageRef[],
): readonly InputIssue[] {
  const issues: InputIssue[] = [];
  const wrong = (source: string, expected: string, got: string): void =>
    void issues.push({ source, path: "", expected, got });
  for (const type of ["build", "launch"] as const) {
    const count = caches.filter((cache) => cache.type === type).length;
    if (count > 1) wrong("--cache", `one ${type} cache`, `${count} of them`);
  }
  const image = cacheImageOf(caches, cacheImage);
  if (cacheImage !== undefined && caches.some(({ type }) => type === "build"))
    wrong("--cache-image", "one build cache", "another one with --cache");
  if (image !== undefined && output?.kind !== "registry")
    wrong("--cache-image", "--publish beside it: a cache in a registry is for images in registries", "");
  if (image !== undefined) checkImage(image, names, wrong);
  for (const cache of caches) {
    if (cache.format !== "volume" || cache.source === undefined || volumeForm.test(cache.source)) continue;
    wrong(
      "--cache",
      "the name of a volume: letters, digits, dots, dashes and underscores",
      JSON.stringify(cache.source),
    );
  }
  return issues;
}

/** The names that volumes of container engines may have. */
const volumeForm = /^[A-Za-z0-9][\w.-]*$/;

/** The build cache in a registry, by whichever option. */
export function cacheImageOf(caches: readonly CacheRequest[], cacheImage: string | undefined): string | undefined {
  const given = caches.find((cache) => cache.type === "build" && cache.format === "image");
  return cacheImage ?? given?.source;
}

function checkImage(
  image: string,
  names: readonly ImageRef[],
  wrong: (source: string, expected: string, got: string) => void,
): void {
  const ref = parseReference(image, "--cache-image");
  if (ref.digest !== undefined) wrong("--cache-image", "a name without a digest, which can be written", image);
  if (names.some((name) => refName(name) === refName(ref)))
    wrong("--cache-image", "another name than the image's own, which it would replace", image);
}
