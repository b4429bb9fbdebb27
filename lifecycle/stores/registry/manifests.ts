import type { Raw } from "../../oci/image.ts";
import type { Digest } from "../../oci/digest.ts";
import { digestOf } from "../../oci/digest.ts";
import { checkBlob } from "../../oci/manifest.ts";
import { readableManifestTypes } from "../../oci/media-type.ts";
import { InputError } from "../../errors.ts";
import { discard, readBody } from "./http.ts";
import type { HttpResponse } from "./http.ts";
import { responseError } from "./remote-error.ts";
import { isPassing, pause } from "./retry.ts";
import type { Repository } from "./client.ts";

/** A manifest or index as the registry gave it, checked against its digest. */
export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** No manifest is larger than this; registries accept 4 MiB. */
const largest = 16 * 1024 * 1024;

/**
 * Reads a manifest by tag or digest; undefined when there is none. Throws `UNAUTHORIZED`,
 * `FORBIDDEN`, `DIGEST_MISMATCH`, `INVALID_IMAGE`, `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`.
 */
export async function getManifest(repository: Repository, reference: string): Promise<StoredManifest | undefined> {
  const request = {
    method: "GET",
    path: `manifests/${reference}`,
    headers: { accept: readableManifestTypes.join(", ") },
  } as const;
  const source = `${repository.registry}/${repository.name} ${reference}`;
  const answer = await sendAndRead(repository, request, source);
  if (answer === undefined) return undefined;
  const { response, bytes } = answer;
  if (bytes === undefined) {
    const issue = { source, path: "", expected: `at most ${largest} bytes`, got: "more" };
    throw new InputError("INVALID_IMAGE", `the manifest of ${source} is too large`, [issue]);
  }
  const digest = digestOf(bytes);
  const named = reference.startsWith("sha256:") ? reference : response.headers["docker-content-digest"];
  if (named?.startsWith("sha256:") && named !== digest) {
    checkBlob(bytes, { digest: named as Digest, size: bytes.length }, source);
  }
  return { bytes, digest, mediaType: response.headers["content-type"]?.split(";")[0]?.trim() ?? "" };
}

/** The answer with its body, which is asked for again when it is cut; undefined for 404. */
async function sendAndRead(
  repository: Repository,
  request: Parameters<Repository["send"]>[0],
  source: string,
): Promise<{ readonly response: HttpResponse; readonly bytes: Uint8Array | undefined } | undefined> {
  const { retry, signal } = repository;
  for (let attempt = 1; ; attempt += 1) {
    const response = await repository.send(request);
    if (response.status === 404) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await failure(repository, "GET", response, `reading ${source}`);
    try {
      return { response, bytes: await readBody(response, largest) };
    } catch (error) {
      if (attempt >= retry.attempts || !isPassing(error)) throw error;
      await pause(attempt, retry, signal);
    }
  }
}

/** The outcome of writing a manifest: the registry may not see the blobs yet that we sent. */
export type PutOutcome = "written" | "blob-unknown";

/** Writes a manifest under a tag or its digest. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`. */
export async function putManifest(
  repository: Repository,
  reference: string,
  manifest: Raw<{ readonly mediaType?: string }>,
  mediaType: string,
): Promise<PutOutcome> {
  const response = await repository.send({
    method: "PUT",
    path: `manifests/${reference}`,
    headers: { "content-type": mediaType },
    body: manifest.bytes,
  });
  if (response.status >= 200 && response.status < 300) {
    await discard(response);
    return "written";
  }
  const name = `${repository.registry}/${repository.name} ${reference}`;
  const error = await failure(repository, "PUT", response, `writing the manifest of ${name}`);
  if (/BLOB_UNKNOWN/.test(error.remote.remoteCode ?? "")) return "blob-unknown";
  throw error;
}

/** Whether a manifest is there. Throws as `getManifest`. */
export async function hasManifest(repository: Repository, reference: string): Promise<Digest | undefined> {
  const headers = { accept: readableManifestTypes.join(", ") };
  const response = await repository.send({ method: "HEAD", path: `manifests/${reference}`, headers });
  if (response.status === 200) {
    await discard(response);
    const digest = response.headers["docker-content-digest"];
    // Old registries do not say it; the whole manifest does.
    return digest === undefined ? (await getManifest(repository, reference))?.digest : (digest as Digest);
  }
  if (response.status === 404) {
    await discard(response);
    return undefined;
  }
  throw await failure(
    repository,
    "HEAD",
    response,
    `looking for ${repository.registry}/${repository.name} ${reference}`,
  );
}

/** Deletes a manifest by digest, or a tag; false when there was none. Throws as `getManifest`. */
export async function deleteManifest(repository: Repository, reference: string): Promise<boolean> {
  const response = await repository.send({ method: "DELETE", path: `manifests/${reference}` });
  if (response.status === 404) return (await discard(response), false);
  if (response.status === 202 || response.status === 200) return (await discard(response), true);
  throw await failure(
    repository,
    "DELETE",
    response,
    `deleting ${repository.registry}/${repository.name} ${reference}`,
  );
}

/** The error of an answer within a repository. */
export function failure(
  repository: Repository,
  method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE",
  response: HttpResponse,
  what: string,
): ReturnType<typeof responseError> {
  const { side, registry, signal } = repository;
  return responseError({ method, url: response.url, headers: {}, side, signal, registry }, response, what);
}
