import type { GroupElement } from "../../cnb/files/group.ts";
import type { LayerToml } from "../../cnb/files/layer-toml.ts";
import type { StoreToml } from "../../cnb/files/store-toml.ts";
import type { Digest, DiffId } from "../../oci/digest.ts";

/** A launch layer of a buildpack as export found it. */
export interface LaunchLayerFact {
  readonly name: string;
  readonly toml: LayerToml;
  /** Undefined: there is only the metadata file, so the previous image has to have the layer. */
  readonly diffId: DiffId | undefined;
}

/** The launch layers of one buildpack, sorted by name. */
export interface BuildpackFacts {
  readonly buildpack: GroupElement;
  readonly layers: readonly LaunchLayerFact[];
  /** Undefined without a `store.toml`. */
  readonly store: StoreToml | undefined;
}

/** A layer between the run image's and the buildpacks', which an image extension made. */
export interface ExtensionLayerFact {
  readonly id: string;
  readonly createdBy: string;
  readonly diffId: DiffId;
}

/** What the plan is made from: everything that had to be read, and nothing that can be computed. */
export interface ExportFacts {
  /** Undefined without image extensions. */
  readonly extensions?: readonly ExtensionLayerFact[] | undefined;
  readonly buildpacks: readonly BuildpackFacts[];
  /** Undefined: there are no SBOM files for launch. */
  readonly sbom: DiffId | undefined;
  /** One per slice and one for the rest. */
  readonly app: readonly DiffId[];
  readonly launcher: DiffId;
  readonly config: DiffId;
  /** Undefined without processes. */
  readonly processTypes: DiffId | undefined;
  readonly runImage: {
    /** The name by which exactly this image is found again. */
    readonly reference: string;
    /** Of the manifest; the image's ID in a container engine. */
    readonly digest: Digest;
    readonly topLayer: DiffId;
    readonly env: readonly string[];
  };
  /** What the previous image really has, whatever its labels say. */
  readonly previousLayers: ReadonlySet<string>;
}
