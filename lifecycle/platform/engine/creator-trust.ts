import type { SourcedRequest } from "../build/open-source.ts";

/** What decides whether a builder and its buildpacks may be near credentials and the engine's socket. */
export type TrustInputs = Pick<SourcedRequest, "request" | "described">;

/**
 * Whether all code of a build may run as root beside credentials, in one container: the builder is
 * trusted, and so is every buildpack that it does not have itself, wherever that was asked for.
 */
export function isTrustedBuild({ request, described }: TrustInputs): boolean {
  const { builder, trustBuilder, trustExtraBuildpacks } = request;
  const isBuilder = trustBuilder === true || builder === undefined;
  return isBuilder && (trustExtraBuildpacks === true || !hasExtraModules({ request, described }));
}

/** Whether buildpacks or extensions may take part that are not the builder's own. */
function hasExtraModules({ request, described }: TrustInputs): boolean {
  const { buildpacks = [], preBuildpacks = [], postBuildpacks = [], extensions = [] } = request;
  if ([...buildpacks, ...preBuildpacks, ...postBuildpacks, ...extensions].length > 0) return true;
  const requests = [described.buildpacks, described.pre, described.post].flatMap((list) => list.requests);
  // By an id alone the descriptor means one that the builder has; everything else is somebody's code.
  return requests.some(({ kind }) => kind !== "id");
}
