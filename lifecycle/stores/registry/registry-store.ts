import { setMaxListeners } from "node:events";
import type { Logger } from "../../logger.ts";
import { silentLogger } from "../../logger.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { decodeIndex } from "../../oci/manifest.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { anonymousKeychain } from "../keychain.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource, IndexStore, Keychain } from "../store.ts";
import { machinePlatform, manifestFor, storedImage } from "../stored-image.ts";
import { readBlob } from "./blobs.ts";
import { registryClient } from "./client.ts";
import type { Client, Repository } from "./client.ts";
import { responseError } from "./remote-error.ts";
import { deleteManifest, getManifest, hasManifest } from "./manifests.ts";
import type { StoredManifest } from "./manifests.ts";
import type { HostCertificates } from "./host-certificates.ts";
import { isIndex, readIndex, writeIndex } from "./indexes.ts";
import { discard } from "./http.ts";
import type { ProxySettings } from "./proxy.ts";
import type { RetryOptions } from "./retry.ts";
import { slots } from "../../oci/slots.ts";
import type { Slots } from "../../oci/slots.ts";
import { begin, cancel } from "./begin-upload.ts";
import { streamAhead } from "./stream-layer.ts";
import { bringAhead, writeImage } from "./write-image.ts";

/** How registries are reached. Everything is given by the caller; no environment is read here. */
export interface RegistryStoreOptions {
  readonly keychain?: Keychain | undefined;
  /** Gets one debug line per request. */
  readonly logger?: Logger | undefined;
  /** Ends everything that runs. */
  readonly signal?: AbortSignal | undefined;
  /** Hosts with port, or repositories, whose certificate is not checked, or that speak plain HTTP. This machine need not be listed. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** Certificates in PEM that are trusted besides those of the runtime. */
  readonly ca?: string | undefined;
  /** Further CAs and client certificates of single registries. */
  readonly certificates?: HostCertificates | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** The version in the user agent `tspack/VERSION`. */
  readonly version?: string | undefined;
  /** The platform of an index that is meant when nobody names one; that of this machine when absent. */
  readonly platform?: Platform | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Uploads at a time per registry. */
  readonly parallel?: number | undefined;
  /** Largest body of one upload request in bytes, for registries behind a proxy with a limit. */
  readonly chunkSize?: number | undefined;
  /** Milliseconds without a byte until a connection is given up. */
  readonly timeout?: number | undefined;
}

/** A registry as image store. */
export type RegistryStore = ImageSource & ImageSink & AccessCheck & ImageDeleter & IndexStore;

/** All registries, by the registry that a reference names. Distribution specification. */
export function registryStore(options: RegistryStoreOptions = {}): RegistryStore {
  // Each request listens while it runs, and nothing is wrong with many of them.
  const signal = AbortSignal.any(options.signal === undefined ? [] : [options.signal]);
  setMaxListeners(0, signal);
  const client = registryClient({
    ...options,
    keychain: options.keychain ?? anonymousKeychain,
    logger: options.logger ?? silentLogger,
    signal,
    insecureRegistries: options.insecureRegistries ?? [],
    userAgent: `tspack/${options.version ?? "0"}`,
  });
  // Where blobs were seen, so that they can be mounted instead of sent.
  const origins = new Map<string, Set<string>>();
  const parallel = new Map<string, Slots>();
  const slotsOf = (registry: string): Slots => {
    const known = parallel.get(registry) ?? slots(options.parallel ?? 4);
    parallel.set(registry, known);
    return known;
  };
  const tools = { client, origins, slotsOf, ahead: new Map(), signal, chunkSize: options.chunkSize };
  return {
    resolve: (ref, { platform } = {}) =>
      resolveImage(client, ref, platform ?? options.platform ?? machinePlatform(), origins),
    write: (image, refs, writeOptions) => writeImage(tools, { image, refs, options: writeOptions ?? {} }),
    bringAhead: (layer, refs, writeOptions) => bringAhead(tools, layer, { refs, options: writeOptions ?? {} }),
    streamAhead: (blob, refs, streamOptions) => streamAhead(tools, blob, { refs, options: streamOptions ?? {} }),
    checkAccess: (ref, want) => checkAccess(client, ref, want),
    readIndex: (ref) => readIndex(client, ref),
    writeIndex: (index, ref) => writeIndex(client, index, ref),
    delete: (ref) => deleteImage(client.repository(ref.registry, ref.repository, "destination"), ref),
  };
}

async function resolveImage(
  client: Client,
  ref: ImageRef,
  platform: Platform,
  origins: Map<string, Set<string>>,
): Promise<Image | undefined> {
  const repository = client.repository(ref.registry, ref.repository, "source");
  const top = await getManifest(repository, ref.digest ?? ref.tag ?? "latest");
  if (top === undefined) return undefined;
  const manifest = isIndex(top) ? await fromIndex(repository, ref, top, platform) : top;
  if (manifest === undefined) return undefined;
  const source = `${ref.registry}/${ref.repository}`;
  const image = storedImage(manifest.bytes, { source, open: (descriptor) => readBlob(repository, descriptor) });
  const { value } = await image.manifest();
  for (const { digest } of [value.config, ...value.layers]) {
    const key = `${ref.registry} ${digest}`;
    origins.set(key, (origins.get(key) ?? new Set()).add(ref.repository));
  }
  return manifest === top ? image : { ...image, fromIndex: top.digest };
}

function fromIndex(
  repository: Repository,
  ref: ImageRef,
  top: StoredManifest,
  platform: Platform,
): Promise<StoredManifest | undefined> {
  const index = decodeIndex(top.bytes, ref.original).value;
  return getManifest(repository, manifestFor(index, platform, ref.original).digest);
}

async function checkAccess(client: Client, ref: ImageRef, want: "read" | "write"): Promise<void> {
  const repository = client.repository(ref.registry, ref.repository, want === "read" ? "source" : "destination");
  if (want === "read") await hasManifest(repository, ref.digest ?? ref.tag ?? "latest");
  else await cancel(repository, await begin(repository));
}

async function deleteImage(repository: Repository, ref: ImageRef): Promise<boolean> {
  const digest = ref.digest ?? (await hasManifest(repository, ref.tag ?? "latest"));
  if (digest === undefined) return false;
  if (ref.digest === undefined && ref.tag !== undefined) {
    const path = `manifests/${ref.tag}`;
    const response = await repository.send({ method: "DELETE", path });
    if (response.status === 202 || response.status === 200) return (await discard(response), true);
    if (response.status === 401 || response.status === 403) {
      const { side, signal, registry } = repository;
      const request = { method: "DELETE", url: response.url, headers: {}, side, signal, registry } as const;
      throw await responseError(request, response, `deleting ${ref.original}`);
    }
    // Most registries delete by digest only, which drops the other tags of the same image as well.
    await discard(response);
  }
  return deleteManifest(repository, digest);
}
