import { readJson } from "../../oci/json-reader.ts";
import type { Repository } from "./client.ts";
import { discard, readBody } from "./http.ts";
import { failure } from "./manifests.ts";

/**
 * All tags of a repository, page by page; undefined when there is no such repository. Throws
 * `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`, `REGISTRY_UNREACHABLE`.
 */
export async function listTags(repository: Repository): Promise<readonly string[] | undefined> {
  const tags: string[] = [];
  let path: string | URL = "tags/list";
  for (;;) {
    const response = await repository.send({ method: "GET", path });
    if (response.status === 404) {
      await discard(response);
      return undefined;
    }
    const what = `listing the tags of ${repository.registry}/${repository.name}`;
    if (response.status !== 200) throw await failure(repository, "GET", response, what);
    const body = (await readBody(response, 64 * 1024 * 1024)) ?? new Uint8Array();
    const { document, reader } = readJson(
      body,
      `the tags of ${repository.registry}/${repository.name}`,
      "REGISTRY_ERROR",
    );
    const page = reader.strings(reader.object(document, "")["tags"], "tags") ?? [];
    reader.finish(`${what}: the answer can not be read`);
    for (const tag of page) tags.push(tag);
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers["link"] ?? "")?.[1];
    // A next page on another host is not ours to ask.
    if (next === undefined || !URL.canParse(next, response.url.href)) return tags;
    if (new URL(next, response.url).origin !== response.url.origin) return tags;
    path = new URL(next, response.url);
  }
}
