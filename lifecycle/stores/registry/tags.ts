import type { Repository } from "./client.ts";
import { discard, readBody } from "./http.ts";

/** A page of tags is asked for one; some registries send all. */
const longestPage = 1024 * 1024;

/**
 * Whether a repository has an image with a tag. A registry that does not say counts as one that has:
 * who asks wants to be sure that there is none. Throws `REGISTRY_UNREACHABLE`, `CANCELED`.
 */
export async function hasTags(repository: Repository, signal: AbortSignal): Promise<boolean> {
  const response = await repository.send({ method: "GET", path: "tags/list", query: { n: "1" }, signal });
  if (response.status !== 200) {
    await discard(response);
    return response.status !== 404;
  }
  const page = await readBody(response, longestPage);
  return page === undefined || !saysNone(page);
}

function saysNone(page: Uint8Array): boolean {
  try {
    const { tags } = JSON.parse(Buffer.from(page).toString("utf8")) as { readonly tags?: unknown };
    return tags === null || (Array.isArray(tags) && tags.length === 0);
  } catch {
    return false;
  }
}
