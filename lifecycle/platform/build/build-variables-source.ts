import type { ProjectMetadata } from "../../cnb/files/project-metadata.ts";
import { withoutCredentials } from "../../addresses.ts";

/**
 * `TSPACK_SOURCE_REVISION` and `TSPACK_SOURCE_URL`: the commit of a source that was fetched from a
 * Git repository, of which buildpacks see no `.git`.
 */
export function sourceVariables(project: ProjectMetadata | undefined): Readonly<Record<string, string>> {
  const { type, version, metadata } = project?.source ?? {};
  const [commit, url] = [version?.["commit"], metadata?.["url"]];
  if (type !== "git" || typeof commit !== "string") return {};
  const address = typeof url === "string" ? { TSPACK_SOURCE_URL: withoutCredentials(url) } : {};
  return { TSPACK_SOURCE_REVISION: commit, ...address };
}
