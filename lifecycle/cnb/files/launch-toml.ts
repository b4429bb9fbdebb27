import type { TomlTable } from "../../toml.ts";

/** A process as one buildpack declared it in `launch.toml`. */
export interface LaunchProcess {
  readonly type: string;
  /** One element below Buildpack API 0.9; the first is the program. */
  readonly command: readonly string[];
  readonly args: readonly string[] | undefined;
  readonly direct: boolean;
  readonly default: boolean;
  readonly workingDirectory: string;
  /** Empty: all execution environments. */
  readonly execEnv: readonly string[];
}

/** A process of the image, with the buildpack that declared it: `metadata.toml` and the build label. */
export interface Process extends LaunchProcess {
  readonly buildpackId: string;
}

/** Paths of the application that get a layer of their own. */
export interface Slice {
  readonly paths: readonly string[];
}

/** A label that a buildpack sets on the image. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** `launch.toml`. Buildpack specification. */
export interface LaunchToml {
  readonly processes: readonly LaunchProcess[];
  readonly slices: readonly Slice[];
  readonly labels: readonly Label[];
  /** Buildpack API below 0.9 only. */
  readonly bom: readonly BomEntry[];
}

/** An entry of the old, unstructured bill of materials. */
export interface BomEntry {
  readonly name: string;
  readonly version?: string;
  readonly metadata: TomlTable;
  readonly buildpack: { readonly id: string; readonly version: string };
}
