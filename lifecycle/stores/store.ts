import type { Platform } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Image } from "../oci/image.ts";
import type { Index } from "../oci/manifest.ts";
import type { Raw } from "../oci/raw.ts";
import type { Layer } from "../oci/layer.ts";
import type { ImageRef } from "../oci/reference.ts";
import type { Context } from "../context.ts";
import type { GrowingBlob } from "./blob-cache.ts";

/** Options of reading an image. */
export interface ResolveOptions {
  /** Which image of an index; the store's default platform when absent. */
  readonly platform?: Platform | undefined;
}

/** Where images are read from. */
export interface ImageSource {
  /** The image, or undefined when it is not there. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_UNREACHABLE`, `INVALID_IMAGE`. */
  resolve(ref: ImageRef, options?: ResolveOptions): Promise<Image | undefined>;
}

/** Options of writing an image. */
export interface WriteOptions {
  readonly ctx?: Context | undefined;
  /** Repositories on the same registry whose blobs may be mounted instead of sent. */
  readonly mountFrom?: readonly ImageRef[] | undefined;
}

/** Options of sending a layer while it is packed. */
export interface StreamOptions extends WriteOptions {
  /**
   * It is none of the layers that an image there has. Else what is sent might be there, which
   * nobody knows before the layer is packed: then only a place without any image gets it.
   */
  readonly isNew?: boolean | undefined;
}

/** A layer on its way that is still being packed. One of the two has to be called, once. */
export interface LayerStream {
  /** It is this layer, and `bringAhead` and `write` count what is on its way. */
  end(layer: Layer): Promise<void>;
  /** There will be no layer: what was sent is given up. Throws nothing. */
  drop(): Promise<void>;
}

/** What became of one layer while writing. */
export interface LayerReport {
  readonly digest: Digest;
  readonly size: number;
  readonly outcome: "sent" | "present" | "mounted" | "linked";
}

/** What a sink did. */
export interface WriteReport {
  /** Of the manifest; the image's ID in a container engine. */
  readonly digest: Digest;
  /** Container engine only. */
  readonly imageId?: Digest | undefined;
  /** Bytes of the manifest; 0 in a container engine. */
  readonly manifestSize: number;
  readonly layers: readonly LayerReport[];
}

/** Where images are written to. */
export interface ImageSink {
  /**
   * Writes the image under every reference, blobs first and references last, so that no
   * reference ever points to something incomplete. All references are of this store.
   */
  write(image: Image, refs: readonly ImageRef[], options?: WriteOptions): Promise<WriteReport>;
  /**
   * Brings a layer to where an image of these references will be written, as `write` would: it
   * counts what is there or under way by then. Absent where nothing is gained by it.
   */
  bringAhead?(layer: Layer, refs: readonly ImageRef[], options?: WriteOptions): Promise<void>;
  /**
   * Begins to send a layer that is still being packed, to where `bringAhead` will bring it. What
   * goes wrong with that is no failure: the layer is then sent when it is whole. Closes `blob`.
   */
  streamAhead?(blob: GrowingBlob, refs: readonly ImageRef[], options?: StreamOptions): LayerStream;
}

/** A store that can tell before the work whether writing will be allowed. */
export interface AccessCheck {
  /** Throws `UNAUTHORIZED`, `FORBIDDEN` or `REGISTRY_UNREACHABLE`, naming the reference. */
  checkAccess(ref: ImageRef, want: "read" | "write"): Promise<void>;
}

/** A store that can forget an image. */
export interface ImageDeleter {
  delete(ref: ImageRef): Promise<boolean>;
}

/** A store of images for several platforms under one name. OCI image-spec, index. */
export interface IndexStore {
  /** The index, or undefined when there is none of that name, or an image. Throws as `resolve`. */
  readIndex(ref: ImageRef): Promise<Raw<Index> | undefined>;
  /** Writes an index whose images are in the repository already. Throws as `write`. */
  writeIndex(index: Raw<Index>, ref: ImageRef): Promise<void>;
}

/** What a registry is told about who asks. */
export type Credential =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "token"; readonly identityToken: string }
  | { readonly kind: "header"; readonly authorization: string };

/** Finds credentials by the exact host and port of a registry. */
export interface Keychain {
  resolve(registry: string): Promise<Credential | undefined>;
}
