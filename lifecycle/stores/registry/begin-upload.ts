import { RemoteError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { hasBlob } from "./blobs.ts";
import type { Repository } from "./client.ts";
import { discard } from "./http.ts";
import type { HttpResponse } from "./http.ts";
import { failure } from "./manifests.ts";

/** A blob to be sent. */
export interface BlobUpload {
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  /** A fresh stream of the stored bytes at every call. */
  open(): ByteStream;
  /** Repositories of the same registry that may have the blob already, best first. */
  readonly mountFrom: readonly string[];
  /**
   * What is mostly true of the blob, so that one question less is asked; any answer is right in the
   * end. `new`: nobody has it yet, as of a config that was just made. `elsewhere`: the first of
   * `mountFrom` was seen to have it.
   */
  readonly likely?: "new" | "elsewhere" | undefined;
  /** Largest request body in bytes; one request for everything when absent. */
  readonly chunkSize?: number | undefined;
  /** Told how many bytes more are at the registry. */
  progress(bytes: number): void;
  readonly signal: AbortSignal;
}

/** An upload that was begun. */
export interface BegunUpload {
  readonly location: URL;
  /** So many of the blob's first bytes are there. */
  readonly offset: number;
}

/** Brings a blob without sending it: there already, or mounted. Else where the bytes go, if that is known already. Throws as `begin`. */
export async function bringCheaply(
  repository: Repository,
  blob: BlobUpload,
): Promise<"present" | "mounted" | URL | undefined> {
  const { descriptor, likely, mountFrom, signal } = blob;
  if (likely === "new" && mountFrom.length === 0) return undefined;
  const [seen, ...others] = mountFrom;
  const isElsewhere = likely === "elsewhere" && seen !== undefined;
  const mounted = isElsewhere ? await mount(repository, blob, [seen]) : undefined;
  if (mounted === "mounted") return mounted;
  if (await hasBlob(repository, descriptor, signal)) {
    if (mounted !== undefined) await cancel(repository, mounted);
    return "present";
  }
  return mounted ?? mount(repository, blob, isElsewhere ? others : mountFrom);
}

async function mount(
  repository: Repository,
  blob: BlobUpload,
  sources: readonly string[],
): Promise<URL | "mounted" | undefined> {
  for (const from of sources) {
    const response = await tryMount(repository, blob, from);
    if (response === undefined) continue;
    await discard(response);
    if (response.status === 201) return "mounted";
    // The registry does not mount, but has begun an upload.
    if (response.status === 202) return nextLocation(repository, response);
  }
  return undefined;
}

/** A mount is an offer: when it is refused, the blob is sent. */
async function tryMount(repository: Repository, blob: BlobUpload, from: string): Promise<HttpResponse | undefined> {
  try {
    return await repository.send({
      method: "POST",
      path: "blobs/uploads/",
      query: { mount: blob.descriptor.digest, from },
      headers: { "content-length": "0" },
      scopes: [`repository:${from}:pull`],
      signal: blob.signal,
    });
  } catch (error) {
    if (error instanceof RemoteError && error.code !== "REGISTRY_UNREACHABLE") return undefined;
    throw error;
  }
}

/** Begins an upload; the URL that the bytes go to. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`. */
export async function begin(repository: Repository, signal?: AbortSignal): Promise<URL> {
  const headers = { "content-length": "0" };
  const response = await repository.send({ method: "POST", path: "blobs/uploads/", headers, signal });
  if (response.status !== 202) {
    throw await failure(repository, "POST", response, `writing to ${repository.registry}/${repository.name}`);
  }
  await discard(response);
  return nextLocation(repository, response);
}

/** Gives up an upload that was begun; whether that works does not matter. */
export async function cancel(repository: Repository, location: URL, signal?: AbortSignal): Promise<void> {
  try {
    await discard(await repository.send({ method: "DELETE", path: location, repeatable: false, signal }));
  } catch {
    // The registry removes it in time.
  }
}

/** Where the upload goes on. A registry behind a proxy may name its host with the wrong scheme: ours is known to work. */
export function nextLocation(repository: Repository, response: HttpResponse, previous?: URL): URL {
  const location = response.headers["location"] ?? previous?.href;
  if (location === undefined || !URL.canParse(location, response.url.href)) {
    const details = { status: response.status, method: "POST", url: response.url.origin + response.url.pathname };
    const message = `${repository.registry} began an upload but did not say where`;
    throw new RemoteError("REGISTRY_ERROR", message, { ...details, side: repository.side });
  }
  const url = new URL(location, response.url);
  if (url.host === response.url.host) url.protocol = response.url.protocol;
  return url;
}
