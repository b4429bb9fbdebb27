import { RemoteError, TspackError } from "../../errors.ts";
import { begin, type BegunUpload, type BlobUpload, bringCheaply, nextLocation } from "./begin-upload.ts";
import { hasBlob } from "./blobs.ts";
import type { Repository } from "./client.ts";
import { streamCursor } from "./cursor.ts";
import type { Cursor } from "./cursor.ts";
import { discard } from "./http.ts";
import type { HttpResponse } from "./http.ts";
import { failure } from "./manifests.ts";
import { isPassing, isPassingStatus, pause, retryAfter } from "./retry.ts";

/** Smaller blobs are sent whole: two requests less to wait for. */
const wholeBelow = 512 * 1024;

/** What has to be done again from the start: the registry lost the upload. */
type Sending = "done" | "lost";

/**
 * Brings a blob into a repository: not at all when it is there, by mounting it, or by an upload
 * that goes on where it was cut, or where `begun` is. Throws `UNAUTHORIZED`, `FORBIDDEN`,
 * `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`, `DIGEST_MISMATCH`. Distribution specification, push.
 */
export async function uploadBlob(
  repository: Repository,
  blob: BlobUpload,
  begun?: BegunUpload,
): Promise<"sent" | "present" | "mounted"> {
  const brought = begun === undefined ? await bringCheaply(repository, blob) : begun.location;
  if (brought === "present" || brought === "mounted") return brought;
  let [location, offset] = [brought, begun?.offset ?? 0];
  for (let attempt = 1; ; attempt += 1) {
    location ??= await begin(repository, blob.signal);
    const result = await sendAll(repository, blob, { location, offset });
    // A commit whose answer was lost looks like a lost upload, too.
    if (result === "done" || (await hasBlob(repository, blob.descriptor, blob.signal))) return "sent";
    if (attempt >= repository.retry.attempts) throw lost(repository, blob, location);
    await pause(attempt, repository.retry, blob.signal);
    [location, offset] = [undefined, 0];
  }
}

function lost(repository: Repository, blob: BlobUpload, location: URL): RemoteError {
  const details = { status: 404, method: "PATCH", url: location.origin + location.pathname, side: repository.side };
  const message = `${repository.registry} lost the upload of ${blob.descriptor.digest} again and again`;
  return new RemoteError("REGISTRY_ERROR", message, { ...details, remoteCode: "BLOB_UPLOAD_UNKNOWN" });
}

async function sendAll(repository: Repository, blob: BlobUpload, begun: BegunUpload): Promise<Sending> {
  const cursor = streamCursor(() => blob.open(), blob.descriptor.size);
  try {
    if (blob.descriptor.size < wholeBelow && begun.offset === 0)
      return await sendWhole(repository, blob, begun.location, cursor);
    const sent = await sendRanges(repository, blob, begun, cursor);
    return sent === "lost" ? "lost" : await commit(repository, blob, sent.location, sent);
  } finally {
    await cursor.close();
  }
}

async function sendWhole(repository: Repository, blob: BlobUpload, location: URL, cursor: Cursor): Promise<Sending> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of cursor.range(0, blob.descriptor.size)) chunks.push(chunk);
  const result = await commit(repository, blob, location, { bytes: Buffer.concat(chunks) });
  if (result === "done") blob.progress(blob.descriptor.size);
  return result;
}

interface Sent {
  /** Where to commit. */
  readonly location: URL;
  /** The registry said how far it was: when the digest is wrong, it was that which was. */
  readonly resumed: boolean;
}

/** Sends everything to the upload that it lacks. */
async function sendRanges(
  repository: Repository,
  blob: BlobUpload,
  begun: BegunUpload,
  cursor: Cursor,
): Promise<Sent | "lost"> {
  const { size } = blob.descriptor;
  let { location, offset } = begun;
  let [attempt, resumed] = [1, offset > 0];
  blob.progress(offset);
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
    resumed = true;
    const status = await uploadStatus(repository, blob, location);
    if (status === "lost" || status.offset > size) return "lost";
    // As long as it goes forward it may be cut any number of times.
    attempt = status.offset > offset ? 1 : attempt + 1;
    blob.progress(status.offset - offset);
    [location, offset] = [status.location, status.offset];
  }
  return { location, resumed };
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
      const next = nextLocation(repository, response, location);
      return isWhole(response, end) ? { location: next } : { error: tookLess(repository, blob, next), wait: 0 };
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

/** Whether the registry has all up to `end`, as far as its answer says. */
function isWhole({ headers }: HttpResponse, end: number): boolean {
  const last = lastOf(headers["range"]);
  return last === undefined || last + 1 >= end;
}

/** The place of the last byte in `0-LAST`; undefined when a registry says nothing. */
export function lastOf(range: string | undefined): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(range ?? "")?.[1];
  return last === undefined ? undefined : Number(last);
}

function tookLess({ registry, side }: Repository, { descriptor }: BlobUpload, url: URL): RemoteError {
  const details = { status: 202, method: "PATCH", url: url.origin + url.pathname, side };
  return new RemoteError("REGISTRY_ERROR", `${registry} took only a part of ${descriptor.digest}`, details);
}

function sourceError(blob: BlobUpload, error: unknown): unknown {
  if (error instanceof TspackError || !(error instanceof Error)) return error;
  return new TspackError("INVALID_IMAGE", `reading ${blob.descriptor.digest} failed: ${error.message}`, {
    cause: error,
  });
}

/** How much of an upload the registry has. Throws `REGISTRY_UNREACHABLE`, `CANCELED`. */
export async function uploadStatus(
  repository: Repository,
  { signal }: Pick<BlobUpload, "signal">,
  location: URL,
): Promise<"lost" | BegunUpload> {
  const response = await repository.send({ method: "GET", path: location, signal });
  if (response.status !== 204 && response.status !== 202 && response.status !== 200) {
    await discard(response);
    return "lost";
  }
  await discard(response);
  const last = lastOf(response.headers["range"]) ?? 0;
  // "0-0" is what registries say for nothing at all.
  const offset = last === 0 ? 0 : last + 1;
  return { location: nextLocation(repository, response, location), offset };
}

async function commit(
  repository: Repository,
  blob: BlobUpload,
  location: URL,
  { bytes = new Uint8Array(), resumed = false }: { readonly bytes?: Uint8Array; readonly resumed?: boolean },
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
  if (resumed) return "lost";
  const message = `${repository.registry} received other bytes than those of ${blob.descriptor.digest}`;
  throw new RemoteError("DIGEST_MISMATCH", message, error.remote, {
    cause: error,
    hint: "the layer was changed or damaged after it was made: build again with an empty cache",
  });
}
