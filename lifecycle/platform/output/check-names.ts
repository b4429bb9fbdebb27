import type { InputIssue } from "../../errors.ts";
import type { ImageRef } from "../../oci/reference.ts";

/** Kinds of `--output` whose form with a path looks like a name with a tag. */
const kinds = /^(oci|oci-archive|docker-archive|docker):/;

/** Refuses names that may be meant as a place: `oci:out` is the tag `out` of `oci`, and the path of a layout. */
export function nameIssues(names: readonly ImageRef[]): readonly InputIssue[] {
  return names.flatMap(({ original }) => {
    const [, kind] = kinds.exec(original) ?? [];
    if (kind === undefined) return [];
    const path = original.slice(kind.length + 1);
    const place = kind === "docker" ? "engine" : `${kind}:${path}`;
    const expected = `NAME --output ${place}, or docker.io/library/${kind}:${path} for an image with the tag ${path}`;
    return [{ source: "<image>", path: "", expected, got: `${original}, which is both a tag and a place` }];
  });
}
