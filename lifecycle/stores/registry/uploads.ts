import { RemoteError, TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { hasBlob } from "./blobs.ts";
import type { Repository } from "./client.ts";
import { streamCursor } from "./cursor.ts";
import type { Cursor } from "./cursor.ts";
import { discard } from "./http.ts";
import type { HttpResponse } from "./http.ts";
import { failure } from "./manifests.ts";
import { isPassing, isPassingStatus, pause, retryAfter } from "./retry.ts";

/** A blob to be sent. */
export interface BlobUpload {
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  /** A fresh stream of the stored bytes at every call. */
  open(): ByteStream;
  /** Repositories of the same registry that may have the blob already, best first. */
  readonly mountFrom: readonly string[];
  /** Largest request body in bytes; one request for everything when absent. */
  readonly chunkSize?: number | undefined;
  /** Told how many bytes more are at the registry. */
  progress(bytes: number): void;
  readonly signal: AbortSignal;
}

/** Smaller blobs are sent whole: two requests less to wait for. */
const wholeBelow = 512 * 1024;

/** What has to be done again from the start: the registry lost the upload. */
type Sending = "done" | "lost";

/**
 * Brings a blob into a repository: not at all when it is there, by mounting it, or by an upload
 * that goes on where it was cut. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`,
 * `REGISTRY_UNREACHABLE`, `DIGEST_MISMATCH`. Distribution specification, push.
 */
export async function uploadBlob(repository: Repository, blob: BlobUpload): Promise<"sent" | "present" | "mounted"> {
  if (await hasBlob(repository, blob.descriptor, blob.signal)) return "present";
  let location = await mount(repository, blob);
  if (location === "mounted") return "mounted";
  for (let attempt = 1; ; attempt += 1) {
    location ??= await begin(repository, blob.signal);
    const result = await sendAll(repository, blob, location);
    // A commit whose answer was lost looks like a lost upload, too.
    if (result === "done" || (await hasBlob(repository, blob.descriptor, blob.signal))) return "sent";
    if (attempt >= repository.retry.attempts) throw lost(repository, blob, location);
    await pause(attempt, repository.retry, blob.signal);
    location = undefined;
  }
}

function lost(repository: Repository, blob: BlobUpload, location: URL): RemoteError {
  const details = { status: 404, method: "PATCH", url: location.origin + location.pathname, side: repository.side };
  const message = `${repository.registry} lost the upload of ${blob.descriptor.digest} again and again`;
  return new RemoteError("REGISTRY_ERROR", message, { ...details, remoteCode: "BLOB_UPLOAD_UNKNOWN" });
}

async function mount(repository: Repository, blob: BlobUpload): Promise<URL | "mounted" | undefined> {
  for (const from of blob.mountFrom) {
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

/** Begins an upload; the URL that the bytes go to. Throws as `uploadBlob`. */
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
export async function cancel(repository: Repository, location: URL): Promise<void> {
  try {
    await discard(await repository.send({ method: "DELETE", path: location, repeatable: false }));
  } catch {
    // The registry removes it in time.
  }
}

/** Where the upload goes on. A registry behind a proxy may name its host with the wrong scheme: ours is known to work. */
function nextLocation(repository: Repository, response: HttpResponse, previous?: URL): URL {
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

async function sendAll(repository: Repository, blob: BlobUpload, location: URL): Promise<Sending> {
  const cursor = streamCursor(() => blob.open(), blob.descriptor.size);
  try {
    if (blob.descriptor.size < wholeBelow) return await sendWhole(repository, blob, location, cursor);
    const end = await sendRanges(repository, blob, location, cursor);
    return end === "lost" ? "lost" : await commit(repository, blob, end);
  } finally {
    await cursor.close();
  }
}

async function sendWhole(repository: Repository, blob: BlobUpload, location: URL, cursor: Cursor): Promise<Sending> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of cursor.range(0, blob.descriptor.size)) chunks.push(chunk);
  const result = await commit(repository, blob, location, Buffer.concat(chunks));
  if (result === "done") blob.progress(blob.descriptor.size);
  return result;
}

/** Sends everything to the upload; the URL to commit at. */
async function sendRanges(repository: Repository, blob: BlobUpload, begun: URL, cursor: Cursor): Promise<URL | "lost"> {
  const { size } = blob.descriptor;
  let [location, offset, attempt] = [begun, 0, 1];
  while (offset < size) {
    const end = Math.min(size, offset + (blob.chunkSize ?? size));
    const sent = await sendRange(repository, blob, location, { cursor, start: offset, end });
    if (sent === "lost") return "lost";
    if ("location" in sent) {
      blob.progress(end - offset);
      [location, offset, attempt] = [sent.location, end, 1];
      continue;
    }
    if (attempt >= repository.retry.attempts) throw sent.error;
    await pause(attempt, repository.retry, blob.signal, sent.wait);
    const status = await uploadStatus(repository, blob, location);
    if (status === "lost" || status.offset > size) return "lost";
    // As long as it goes forward it may be cut any number of times.
    attempt = status.offset > offset ? 1 : attempt + 1;
    blob.progress(status.offset - offset);
    [location, offset] = [status.location, status.offset];
  }
  return location;
}

interface Range {
  readonly cursor: Cursor;
  readonly start: number;
  readonly end: number;
}

type RangeResult = "lost" | { readonly location: URL } | { readonly error: unknown; readonly wait: number };

async function sendRange(
  repository: Repository,
  blob: BlobUpload,
  location: URL,
  { cursor, start, end }: Range,
): Promise<RangeResult> {
  // Many registries take a whole blob only without Content-Range, and a part only with it.
  const part = start > 0 || end < blob.descriptor.size ? { "content-range": `${start}-${end - 1}` } : {};
  try {
    const response = await repository.send({
      method: "PATCH",
      path: location,
      headers: { "content-type": "application/octet-stream", ...part },
      body: { size: end - start, open: () => cursor.range(start, end) },
      repeatable: false,
      signal: blob.signal,
    });
    // An answer that came before the stream's own end says nothing about a stream that failed.
    const failed = cursor.failure();
    if (failed !== undefined) throw failed.error;
    if (response.status === 202 || response.status === 201 || response.status === 204) {
      await discard(response);
      return { location: nextLocation(repository, response, location) };
    }
    if (response.status === 404 || response.status === 416) return (await discard(response), "lost");
    const error = await failure(repository, "PATCH", response, `sending ${blob.descriptor.digest}`);
    if (!isPassingStatus(response.status)) throw error;
    return { error, wait: retryAfter(response) };
  } catch (error) {
    const failed = cursor.failure();
    if (failed !== undefined) throw sourceError(blob, failed.error);
    if (!isPassing(error)) throw error;
    return { error, wait: 0 };
  }
}

function sourceError(blob: BlobUpload, error: unknown): unknown {
  if (error instanceof TspackError || !(error instanceof Error)) return error;
  return new TspackError("INVALID_IMAGE", `reading ${blob.descriptor.digest} failed: ${error.message}`, {
    cause: error,
  });
}

/** How much of an upload the registry has. */
async function uploadStatus(
  repository: Repository,
  blob: BlobUpload,
  location: URL,
): Promise<"lost" | { readonly location: URL; readonly offset: number }> {
  const response = await repository.send({ method: "GET", path: location, signal: blob.signal });
  if (response.status !== 204 && response.status !== 202 && response.status !== 200) {
    await discard(response);
    return "lost";
  }
  await discard(response);
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers["range"] ?? "")?.[1] ?? "0";
  // "0-0" is what registries say for nothing at all.
  const offset = last === "0" ? 0 : Number(last) + 1;
  return { location: nextLocation(repository, response, location), offset };
}

async function commit(
  repository: Repository,
  blob: BlobUpload,
  location: URL,
  bytes: Uint8Array = new Uint8Array(),
): Promise<Sending> {
  const response = await repository.send({
    method: "PUT",
    path: location,
    query: { digest: blob.descriptor.digest },
    headers: { "content-type": "application/octet-stream" },
    body: bytes,
    signal: blob.signal,
  });
  if (response.status === 201 || response.status === 204 || response.status === 200) {
    await discard(response);
    return "done";
  }
  if (response.status === 404) return (await discard(response), "lost");
  const error = await failure(repository, "PUT", response, `sending ${blob.descriptor.digest}`);
  if (error.remote.remoteCode !== "DIGEST_INVALID") throw error;
  const message = `${repository.registry} received other bytes than those of ${blob.descriptor.digest}`;
  throw new RemoteError("DIGEST_MISMATCH", message, error.remote, {
    cause: error,
    hint: "the layer was changed or damaged after it was made: build again with an empty cache",
  });
}
