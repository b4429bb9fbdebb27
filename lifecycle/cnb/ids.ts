/** Names of directories in `<layers>` and of positions in orders that no buildpack may have. Buildpack specification. */
const reserved: ReadonlySet<string> = new Set(["app", "config", "generated", "sbom"]);

/** Why a text is no id of a buildpack or extension; undefined when it is one. */
export function buildpackIdProblem(id: string): string | undefined {
  if (reserved.has(id)) return "an id that is not reserved, of letters, digits, . / -";
  // The specification allows fewer characters than buildpacks in the wild have: "_" is common.
  if (!/^[A-Za-z0-9._/-]+$/.test(id)) return "letters, digits, . / -";
  if (id.split("/").some((part) => part === "" || part === "." || part === "..")) return "no empty part, . or ..";
  return undefined;
}

/** An id as a directory is named after it: `a/b` is `a_b`. Platform specification, "escaped id". */
export function escapeId(id: string): string {
  return id.replaceAll("/", "_");
}

/** Why a text is no version of a buildpack, which is also the name of a directory; undefined when it is one. */
export function versionProblem(version: string): string | undefined {
  return /^[^/\0]+$/.test(version) && version !== "." && version !== ".." ? undefined : "a version without a slash";
}
