import type { LayersMetadata } from "./lifecycle-metadata.ts";

/** The distribution of an image, from its labels or `/etc/os-release`. */
export interface OsDistro {
  readonly name: string;
  readonly version: string;
}

/** What an image runs on. `[run-image.target]`, Platform specification. */
export interface TargetMetadata {
  readonly id?: string;
  readonly os: string;
  readonly arch: string;
  readonly archVariant?: string;
  readonly distro?: OsDistro;
}

/** `[run-image]` of `analyzed.toml`. */
export interface AnalyzedRunImage {
  /** With digest when it came from a registry. */
  readonly reference: string;
  readonly image?: string;
  readonly extend?: boolean;
  readonly target?: TargetMetadata;
}

/** `analyzed.toml`. Platform specification. */
export interface Analyzed {
  readonly previousImage?: { readonly reference: string };
  readonly buildImage?: { readonly reference: string };
  readonly metadata: LayersMetadata;
  readonly runImage?: AnalyzedRunImage;
}
