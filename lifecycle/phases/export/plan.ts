import type { Digest, DiffId } from "../../oci/digest.ts";

/** One layer of the image above the run image's, lowest first. */
export interface PlannedLayer {
  /** How messages name it: `buildpack/id:layer`, `buildpacksio/lifecycle:launcher`. */
  readonly id: string;
  readonly kind: "extension" | "buildpack" | "sbom" | "app" | "launcher" | "config" | "process-types";
  readonly diffId: DiffId;
  /** The line of the image's history. */
  readonly createdBy: string;
  /** `reuse`: the previous image has it, and its blob is not sent again. */
  readonly action: "add" | "reuse";
  readonly reason: string;
}

/** All that export will do to the run image, as plain data: it prints as JSON. */
export interface ExportPlan {
  readonly runImage: { readonly reference: string; readonly digest: Digest; readonly topLayer: string };
  readonly layers: readonly PlannedLayer[];
  /** In the order in which they are set; a later one replaces an earlier one of the same key. */
  readonly labels: readonly { readonly key: string; readonly value: string }[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly workingDir: string;
  readonly entrypoint: string;
  /** The process type that the entrypoint starts; undefined: the launcher, which wants a command. */
  readonly defaultProcessType: string | undefined;
  /** Time of the image and of each line of its history, RFC 3339. */
  readonly created: string;
  /** Whether the history says who made each layer. Platform API 0.12. */
  readonly keepHistory: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** Names of the image, the main one first. */
  readonly names: readonly string[];
}
