import type { BomEntry } from "./launch-toml.ts";

/** `report.toml`. Platform specification. */
export interface Report {
  readonly bom: readonly BomEntry[];
  readonly image: {
    readonly tags: readonly string[];
    /** Docker engine only. */
    readonly imageId?: string;
    readonly digest?: string;
    readonly manifestSize?: number;
  };
}
