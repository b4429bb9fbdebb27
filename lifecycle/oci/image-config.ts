import type { DiffId } from "./digest.ts";

/** The image config. Times are RFC 3339 text exactly as read. OCI image-spec, config. */
export interface ImageConfig {
  readonly architecture: string;
  readonly created?: string;
  readonly author?: string;
  readonly history?: readonly HistoryEntry[];
  readonly os: string;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly DiffId[] };
  readonly config?: ContainerConfig;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** One line of an image's history. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** How a container of the image starts: the config's `config` key. */
export interface ContainerConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  /** Keys of Docker's that the specification does not name (Healthcheck, OnBuild, Shell…), kept as read. */
  readonly [key: string]: unknown;
}
