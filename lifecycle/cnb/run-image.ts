import type { ImageRef } from "../oci/reference.ts";
import type { LayersMetadata } from "./files/lifecycle-metadata.ts";
import type { RunImageForExport, RunToml } from "./files/run-toml.ts";
import type { PlatformFeatures } from "./api/platform.ts";

/** Reads an image's name; undefined when it is none. Handed in, so that names are read in one place only. */
export type ParseImageRef = (name: string) => ImageRef | undefined;

/** Whether a run image or one of its mirrors has a name. Tags count, digests do not. */
export function hasName(runImage: RunImageForExport, name: string, parse: ParseImageRef): boolean {
  const wanted = withoutDigest(name, parse);
  return [runImage.image, ...runImage.mirrors].some((one) => withoutDigest(one, parse) === wanted);
}

function withoutDigest(name: string, parse: ParseImageRef): string {
  const ref = parse(name.replace(/@sha256:.*$/, ""));
  return ref === undefined ? name : `${ref.registry}/${ref.repository}:${ref.tag ?? "latest"}`;
}

/** What `run.toml` says of the run image in `analyzed.toml`. Platform specification, exporter, "run image". */
export function runImageForExport(
  run: RunToml,
  analyzedImage: string,
  hasExtensions: boolean,
  parse: ParseImageRef,
): RunImageForExport {
  const [first] = run.images;
  if (first === undefined) return { image: "", mirrors: [] };
  const found = run.images.find((image) => hasName(image, analyzedImage, parse));
  if (found !== undefined) return found;
  // Extensions may have switched the run image, so the first one need not be what was meant.
  return hasExtensions ? { image: analyzedImage, mirrors: [] } : first;
}

/** The run image that an app image names, for rebase; undefined when it names none. */
export function recordedRunImage(
  { runImage, stack }: LayersMetadata,
  { runToml }: PlatformFeatures,
): RunImageForExport | undefined {
  if (runToml && runImage.image !== undefined && runImage.image !== "") {
    return { image: runImage.image, mirrors: runImage.mirrors ?? [] };
  }
  if (stack === undefined || stack.runImage.image === "") return undefined;
  return { image: stack.runImage.image, mirrors: stack.runImage.mirrors ?? [] };
}
