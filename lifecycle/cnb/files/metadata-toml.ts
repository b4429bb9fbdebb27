import type { GroupElement } from "./group.ts";
import type { BomEntry, Label, Process, Slice } from "./launch-toml.ts";

/** What build hands to export: `<layers>/config/metadata.toml`. Platform specification. */
export interface BuildMetadata {
  readonly buildpacks: readonly GroupElement[];
  readonly extensions: readonly GroupElement[];
  readonly processes: readonly Process[];
  readonly slices: readonly Slice[];
  readonly labels: readonly Label[];
  readonly buildpackDefaultProcessType: string | undefined;
  /** Platform API below 0.9. */
  readonly bom: readonly BomEntry[];
}
