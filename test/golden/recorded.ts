import { readFileSync } from "node:fs";
import { join } from "node:path";
import { goldenDirectory } from "./golden-data.ts";

/** What of an image's config the known differences need. */
export interface RecordedConfig {
  readonly history: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

interface Pointer {
  readonly digest: string;
}

const readJson = (...path: readonly string[]): unknown =>
  JSON.parse(readFileSync(join(goldenDirectory, ...path), "utf8"));

const readBlob = (name: string, digest: string): unknown =>
  readJson("run-images", name, "blobs/sha256", digest.slice("sha256:".length));

/** The digest of a run image's manifest. */
export function recordedDigest(name: string): string {
  const { manifests } = readJson("run-images", name, "index.json") as { readonly manifests: readonly Pointer[] };
  return manifests[0]?.digest ?? "";
}

/** The config of a run image. */
export function runImageConfig(name: string): RecordedConfig {
  const manifest = readBlob(name, recordedDigest(name)) as { readonly config: Pointer };
  return readBlob(name, manifest.config.digest) as RecordedConfig;
}

/** The config that a build of a scenario left. */
export function recordedConfig(folder: string, build: string): RecordedConfig {
  return readJson(folder, "expected", build, "config.json") as RecordedConfig;
}
