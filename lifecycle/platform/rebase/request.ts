import type { PullPolicy } from "../build/request.ts";
import type { NamedStore } from "../image-places/open-places.ts";

/** Which image is put on which base. */
export interface RebaseRequest {
  /** A name, `oci:DIRECTORY[:ENTRY]`, `oci-archive:FILE` or `docker-archive:FILE`. */
  readonly image: string;
  /** The new run image; the recorded one when absent. */
  readonly runImage?: string | undefined;
  /** Rebase in the registry instead of the local store: the same as `output: "registry"`. */
  readonly publish?: boolean | undefined;
  /** Where a name is looked for and written; the local store, or the engine when only that has it. */
  readonly output?: NamedStore | undefined;
  /** Rebase even when the bases do not fit. */
  readonly force?: boolean | undefined;
  /** Rebase this image, and write the result under the name of `image`. */
  readonly previousImage?: string | undefined;
  /** When images that are here are asked for again; without one only what is missing. */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Where `report.toml` is written. */
  readonly reportOutputDir?: string | undefined;
  /** Hosts of registries that may be used without TLS. */
  readonly insecureRegistries?: readonly string[] | undefined;
}

/** What a rebase did. */
export interface RebaseSummary {
  readonly image: string;
  /** Of the manifest or the index; the image's ID in a container engine. */
  readonly digest: string;
  /** The new run image with its digest; empty for an index, whose platforms have one each. */
  readonly runImage: string;
  /** DiffID of its last layer; empty for an index. */
  readonly topLayer: string;
  readonly layersSent: number;
  readonly seconds: number;
  /** Only of an index: its images, in its order. */
  readonly platforms?: readonly PlatformSummary[] | undefined;
}

/** What a rebase did with one image of an index. */
export interface PlatformSummary extends Pick<RebaseSummary, "digest" | "runImage" | "topLayer" | "layersSent"> {
  /** `linux/arm64/v8`. */
  readonly platform: string;
}

/** What a rebase would do. */
export interface RebasePlan {
  readonly image: string;
  /** `none`: the image is on that base already. `refuse`: `--force` would do it nevertheless. */
  readonly action: "rebase" | "none" | "refuse";
  readonly reason: string;
  readonly from: { readonly image: string; readonly reference: string; readonly topLayer: string };
  /** Unknown when it is refused. */
  readonly to?: { readonly image: string; readonly reference: string; readonly topLayer: string } | undefined;
  /** How many layers of the old base go, of the new one come, and of the application stay. */
  readonly layers?: { readonly removed: number; readonly added: number; readonly kept: number } | undefined;
  /** Only of an index: what would become of each of its images. `action` is then the most serious of theirs. */
  readonly platforms?: readonly PlatformPlan[] | undefined;
}

/** What a rebase would do with one image of an index. */
export interface PlatformPlan extends Omit<RebasePlan, "image" | "platforms"> {
  /** `linux/arm64/v8`. */
  readonly platform: string;
}

/** How the rebase of one of several images went. */
export type RebaseOutcome =
  | { readonly image: string; readonly summary: RebaseSummary }
  | { readonly image: string; readonly plan: RebasePlan }
  | { readonly image: string; readonly error: unknown };
