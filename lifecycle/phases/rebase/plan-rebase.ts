import type { LayersMetadata, RunImageForRebase, StackMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { hasName } from "../../cnb/run-image.ts";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Logger } from "../../logger.ts";
import { goJson } from "../../oci/go-json.ts";
import { maybeReference, repositoryName } from "../../oci/reference.ts";
import type { Labels } from "./check-stack.ts";
import { refuse } from "./check-target.ts";
import type { RebaseInputs } from "./inputs.ts";

/** The new base as the label will name it. */
export interface NewBase {
  /** As it was given. */
  readonly name: string;
  /** With digest. */
  readonly reference: string;
  readonly topLayer: string;
}

/** The label's metadata after a rebase; throws `NOT_REBASABLE` for a base that the label does not know, unless forced. */
export function rebasedMetadata(
  before: LayersMetadata,
  { name, reference, topLayer }: NewBase,
  { features, force, sameRepository = false }: Pick<RebaseInputs, "features" | "force" | "sameRepository">,
  logger: Logger,
): LayersMetadata {
  const moved = { ...before, runImage: { ...before.runImage, topLayer, reference } };
  if (!features.rebaseTargets || knows(before, name)) return moved;
  const renamed = { ...moved, runImage: { topLayer, reference, image: name }, stack: { runImage: { image: name } } };
  // Mirrors go, too: they have the tag that was left.
  if (sameRepository && knowsRepository(before, name)) return renamed;
  const known = describeKnown(moved);
  refuse(
    `rebase app image: new base image '${name}' not found in existing run image metadata: ${known}`,
    "only a run image that the app was built for is safe",
    force,
    logger,
  );
  return renamed;
}

function knows({ runImage, stack }: LayersMetadata, name: string): boolean {
  return [runImage, stack?.runImage].some((known) => {
    const { image = "", mirrors = [] } = known ?? {};
    return hasName({ image, mirrors }, name, maybeReference);
  });
}

/** Whether a name is of the repository of a recorded run image, or of one of its mirrors. */
function knowsRepository({ runImage, stack }: LayersMetadata, name: string): boolean {
  const wanted = repositoryOf(name);
  return [runImage, stack?.runImage].some((known) =>
    [known?.image ?? "", ...(known?.mirrors ?? [])].some((one) => one !== "" && repositoryOf(one) === wanted),
  );
}

function repositoryOf(name: string): string {
  const ref = maybeReference(name);
  return ref === undefined ? name : repositoryName(ref);
}

function describeKnown({ runImage, stack }: LayersMetadata): string {
  if ((runImage.image ?? "") !== "") return runImageJson(runImage);
  if (stack !== undefined) return namesJson(stack.runImage);
  return "not found";
}

function runImageJson({ topLayer, reference, image, mirrors }: RunImageForRebase): string {
  return goJson({ topLayer, reference, image, mirrors: nonEmpty(mirrors) });
}

function namesJson({ image, mirrors }: StackMetadata["runImage"]): string {
  return goJson({ image: image === "" ? undefined : image, mirrors: nonEmpty(mirrors) });
}

function nonEmpty(mirrors: readonly string[] | undefined): readonly string[] | undefined {
  return mirrors === undefined || mirrors.length === 0 ? undefined : mirrors;
}

/** The labels of the base that an app image carries follow the base: the new ones, and undefined for those that went. */
export function followedLabels(
  app: Labels,
  newBase: Labels,
  features: PlatformFeatures,
): Readonly<Record<string, string | undefined>> {
  const prefixes = features.rebaseTargets ? ["io.buildpacks.stack.", "io.buildpacks.base."] : ["io.buildpacks.stack."];
  const follows = ([key]: readonly [string, string]): boolean => prefixes.some((prefix) => key.startsWith(prefix));
  const gone = Object.entries(app)
    .filter(follows)
    .map(([key]) => [key, undefined] as const);
  return Object.fromEntries([...gone, ...Object.entries(newBase).filter(follows)]);
}
