import type { DiffId } from "../oci/digest.ts";
import type { Layer } from "../oci/layer.ts";
import type { CacheMetadata } from "../cnb/files/lifecycle-metadata.ts";

/** What a cache has for a DiffID. */
export type CacheLookup =
  | {
      readonly kind: "hit";
      readonly layer: Layer;
      /** Only where the caller allows it: nobody looked yet whether the content is the layer's. Gives what is wrong with it. */
      readonly check?: () => Promise<Error | undefined>;
    }
  | { readonly kind: "miss" }
  | { readonly kind: "corrupt"; readonly cause: Error };

/** A tar that a cache gets while it is packed. Failures end the copy, and are no failures of the packing. */
export interface LayerCopy {
  /** The bytes may be used again when the promise is settled. */
  write(bytes: Uint8Array): Promise<void>;
  /** It was this layer's, which `stage` then need not read. */
  keep(diffId: DiffId): Promise<void>;
  discard(): Promise<void>;
}

/** The build cache: layers with `cache = true`, kept from one build to the next. */
export interface LayerCache {
  /** How messages name it. */
  readonly name: string;
  /** What the last committed build left; empty metadata when there was none. */
  metadata(): Promise<CacheMetadata>;
  /** `unchecked`: the caller reads the layer while it is checked, and takes back what it did when it is another one. */
  lookup(id: DiffId, options?: { readonly unchecked?: boolean }): Promise<CacheLookup>;
  /** Adds a layer to what the next `commit` keeps. A layer that the cache has already is not read. */
  stage(layer: Layer): Promise<void>;
  /** Begins to keep a tar that is being packed; absent, or undefined: layers are staged as a whole. */
  copy?(): Promise<LayerCopy | undefined>;
  /** Takes away what a build that failed has staged. */
  abandon?(): Promise<void>;
  /** Makes what was staged the cache's content, atomically. */
  commit(metadata: CacheMetadata): Promise<void>;
}
