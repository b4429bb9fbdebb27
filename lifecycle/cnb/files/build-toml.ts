import type { BomEntry } from "./launch-toml.ts";

/** `build.toml`: what a buildpack left unmet. Buildpack specification. */
export interface BuildToml {
  readonly unmet: readonly { readonly name: string }[];
  /** Buildpack API below 0.9 only. */
  readonly bom: readonly BomEntry[];
}
