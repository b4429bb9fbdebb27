import type { Descriptor } from "../../oci/descriptor.ts";
import type { ByteStream } from "../../oci/layer.ts";
import type { Repository } from "./client.ts";
import { discard } from "./http.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { failure } from "./manifests.ts";
import { connectionError } from "./remote-error.ts";
import { isPassing, pause } from "./retry.ts";

/** Whether a blob is in a repository. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`. */
export async function hasBlob(
  repository: Repository,
  descriptor: Pick<Descriptor, "digest">,
  signal?: AbortSignal,
): Promise<boolean> {
  const response = await repository.send({ method: "HEAD", path: `blobs/${descriptor.digest}`, signal });
  if (response.status === 200) return (await discard(response), true);
  if (response.status === 404) return (await discard(response), false);
  const what = `looking for blob ${descriptor.digest} in ${repository.registry}/${repository.name}`;
  throw await failure(repository, "HEAD", response, what);
}

/** Bytes that one try has to bring so that it does not count as failed. */
const leastProgress = 64 * 1024;

/**
 * The bytes of a blob, unchecked. When the connection is cut it goes on where it stopped, as
 * long as tries bring something. Throws as `hasBlob`, and `NOT_FOUND`.
 */
export async function* readBlob(repository: Repository, descriptor: Descriptor): ByteStream {
  let offset = 0;
  for (let attempt = 1; ; attempt += 1) {
    const start = offset;
    const response = await openBlob(repository, descriptor, start);
    // A server may ignore the range and begin anew.
    let skip = response.status === 206 ? 0 : start;
    try {
      for await (const chunk of response.body) {
        const dropped = Math.min(skip, chunk.length);
        skip -= dropped;
        if (dropped === chunk.length) continue;
        offset += chunk.length - dropped;
        yield dropped === 0 ? chunk : chunk.subarray(dropped);
      }
      return;
    } catch (cause) {
      // What comes in drops is no progress that is worth another round of tries.
      if (offset - start >= leastProgress) attempt = 0;
      const { side, signal } = repository;
      const request: HttpRequest = { method: "GET", url: response.url, headers: {}, side, signal };
      if (!isPassing(cause) || attempt >= repository.retry.attempts) throw connectionError(request, cause);
      await pause(Math.max(attempt, 1), repository.retry, signal);
    }
  }
}

async function openBlob(repository: Repository, descriptor: Descriptor, offset: number): Promise<HttpResponse> {
  const headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
  const response = await repository.send({ method: "GET", path: `blobs/${descriptor.digest}`, headers });
  if (response.status === 200 || (response.status === 206 && offset > 0)) return response;
  const what = `reading blob ${descriptor.digest} of ${repository.registry}/${repository.name}`;
  throw await failure(repository, "GET", response, what);
}
