import { dockerHub, type ImageRef } from "../oci/reference.ts";

/** A name as people write it: Docker Hub's default parts are left out. */
export function familiarName(ref: ImageRef): string {
  const repository =
    ref.registry === dockerHub ? ref.repository.replace(/^library\//, "") : `${ref.registry}/${ref.repository}`;
  const tag = ref.tag === undefined ? "" : `:${ref.tag}`;
  return `${repository}${tag}${ref.digest === undefined ? "" : `@${ref.digest}`}`;
}
