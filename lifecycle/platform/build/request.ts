import type { Compression } from "../../oci/zstd.ts";
import type { SandboxKind } from "../runners/sandbox/sandbox.ts";

/** Where a built image goes. */
export type BuildOutput =
  | { readonly kind: "local" }
  | { readonly kind: "registry" }
  | { readonly kind: "engine" }
  | { readonly kind: "oci"; readonly path: string }
  | { readonly kind: "oci-archive"; readonly path: string }
  | { readonly kind: "docker-archive"; readonly path: string };

/** Where layers are kept for the next build. */
export type CacheRequest = {
  readonly type: "build" | "launch";
} & (
  | {
      /** A directory, or a reference in a registry. */
      readonly format: "bind" | "image";
      readonly source: string;
    }
  | {
      readonly format: "volume";
      /** Its name; that of this image's own when absent. */
      readonly source?: string | undefined;
    }
);

/** When images that are already here are asked for again. */
export type PullPolicy = "always" | "never" | "if-not-present";

/** What runs buildpacks; `auto` takes the first that works here and fits the output. */
export type RunnerChoice = "auto" | "engine" | "sandbox" | "in-place";

/**
 * What is to be built. Everything but the names has a default. Texts are what the options of
 * `tspack build` take; relative paths start in the machine's working directory.
 */
export interface BuildRequest {
  /** Every name of the image, the main one first. */
  readonly names: readonly string[];

  // The application.
  /** Directory, archive or repository of the application; the working directory when absent. */
  readonly path?: string | undefined;
  /** A project descriptor, instead of the application's own `project.toml`. */
  readonly descriptor?: string | undefined;
  /** Variables for buildpacks. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly defaultProcess?: string | undefined;
  /** `CNB_EXEC_ENV`, Platform API 0.15; `production` when absent. */
  readonly execEnv?: string | undefined;
  /** The application's directory in the image, absolute or below `/`; `/workspace` when absent. */
  readonly workspace?: string | undefined;

  // Builder and buildpacks.
  /** An image, `oci:PATH` or a `builder.toml`; the default builder when absent. */
  readonly builder?: string | undefined;
  readonly buildpacks?: readonly string[] | undefined;
  readonly preBuildpacks?: readonly string[] | undefined;
  readonly postBuildpacks?: readonly string[] | undefined;
  readonly extensions?: readonly string[] | undefined;
  /** Name of the index in which ids are looked up that the builder does not have. */
  readonly buildpackRegistry?: string | undefined;
  readonly disableSystemBuildpacks?: boolean | undefined;
  readonly trustBuilder?: boolean | undefined;
  readonly trustExtraBuildpacks?: boolean | undefined;
  readonly lifecycleImage?: string | undefined;
  /** Debian mirror, for when the default builder has to be made. */
  readonly debianMirror?: string | undefined;

  // The image.
  /** The local store when absent. */
  readonly output?: BuildOutput | undefined;
  readonly runImage?: string | undefined;
  readonly previousImage?: string | undefined;
  /** `OS/ARCHITECTURE[/VARIANT]`. */
  readonly platform?: string | undefined;
  /** Seconds since 1970, RFC 3339, or `now`; 1980-01-01T00:00:01Z when absent. */
  readonly creationTime?: string | undefined;
  /** Owner of the application and the layers, instead of the builder's user. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** How layers are compressed: gzip, when absent, or zstd, which not every destination takes. */
  readonly compression?: Compression | undefined;
  /** 0 (layers are not compressed) to 9 (smallest). */
  readonly compressionLevel?: number | undefined;
  /** Megabytes for the export, at least 140: how many layers are packed and blobs sent at a time. */
  readonly memory?: number | undefined;
  /** Where `report.toml` is written. */
  readonly reportOutputDir?: string | undefined;
  /** Where the bills of materials are written. */
  readonly sbomOutputDir?: string | undefined;
  /** Everything up to the export runs; neither the image nor the cache is written. */
  readonly dryRun?: boolean | undefined;

  /** Hosts of registries that may be used without TLS. */
  readonly insecureRegistries?: readonly string[] | undefined;

  // Caches.
  readonly clearCache?: boolean | undefined;
  /** Reads layers that look untouched since the last build, too, and warns when they are not. */
  readonly verifyLayers?: boolean | undefined;
  readonly caches?: readonly CacheRequest[] | undefined;
  readonly cacheImage?: string | undefined;
  readonly pullPolicy?: PullPolicy | undefined;

  // Where buildpacks run.
  /** `auto` when absent. */
  readonly runner?: RunnerChoice | undefined;
  readonly sandbox?: SandboxKind | undefined;
  /** `host`, `none`, or a network of the engine; absent: `host`, and in an engine a bridge of the build's own. */
  readonly network?: string | undefined;
  /** `HOST:TARGET[:OPTIONS]`. */
  readonly volumes?: readonly string[] | undefined;
  readonly dockerHost?: string | undefined;

  /** Whether phases and tspack say every step. */
  readonly verbose?: boolean | undefined;
}
