import { resolve } from "node:path";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { localStack, stackInputs } from "../../platform/builder/local-parts.ts";
import type { StackLock } from "../../platform/stack/lock.ts";
import { isOutdated } from "../../platform/stack/outdated-apps.ts";
import { changedSizes, compareLocks } from "../../platform/stack/stack-changes.ts";
import { knownLocks } from "../../platform/stack/stack-locks.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  type Toolbox,
  type TspackHost,
} from "../toolbox.ts";
import { changesText } from "./stack-lock.ts";
import { type ImageOptions, type SourceOptions, stackFileOf, stackRefs, stackSources } from "./stack-names.ts";
import { writeStack, writtenText } from "./stack.ts";

interface UpdateOptions extends CommonOptions, SourceOptions, ImageOptions {
  readonly lock?: string;
  readonly json?: boolean;
}

/** `tspack stack update`: the newest packages, and which applications want the new run image. */
export async function updateStackCommand(
  host: TspackHost,
  [name = "bookworm", ...images]: readonly string[],
  options: UpdateOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const { ctx } = toolbox;
  const stackFile = stackFileOf(host, name);
  const refs = stackRefs(name, options);
  const given = await named(
    toolbox,
    images.map((image) => imageArgument(image)),
  );
  const sources = stackSources(toolbox, options);
  const lockFile = options.lock === undefined ? undefined : resolve(host.cwd, options.lock);
  const before = await locksBefore(toolbox, { ...(await stackInputs(sources, stackFile, lockFile)), ctx });
  const stack = await localStack(sources, stackFile, { update: true, lockFile }, await toolbox.blobs(), ctx);
  const { lock, buildLock } = stack;
  const changes = compareLocks(before, lock === buildLock ? [lock] : [lock, buildLock]);
  const written = await writeStack(stack, refs, options.publish === true, toolbox);
  const newest = { ref: refs.run, architecture: lock.arch, topLayer: await topLayerOf(stack.run) };
  const rebase: string[] = [];
  for (const { ref, image } of [...(await localImages(toolbox)), ...given]) {
    const app = familiarName(ref);
    if (!rebase.includes(app) && (await isOutdated(image, newest))) rebase.push(app);
  }
  if (options.json === true) {
    host.stdout(`${JSON.stringify({ changes, size: changedSizes(changes), images: written, rebase }, undefined, 2)}\n`);
    return;
  }
  host.stdout(changesText(changes) + written.map(writtenText).join(""));
  if (rebase.length > 0) host.stdout(`Applications on an older run image:\n  tspack rebase ${rebase.join(" ")}\n`);
}

/** A lock that can not be used any more does not keep anybody from an update: that is what makes it anew. */
async function locksBefore(
  { ctx }: Toolbox,
  inputs: Parameters<typeof knownLocks>[0],
): Promise<readonly (StackLock | undefined)[]> {
  return knownLocks(inputs).catch((error: unknown) => {
    if (!(error instanceof TspackError) || error.code !== "INVALID_STACK") throw error;
    ctx.logger.warn(`${error.message}; it is made anew`);
    return [];
  });
}

async function topLayerOf(image: Image) {
  return (await image.config()).value.rootfs.diff_ids.at(-1);
}

interface NamedImage {
  readonly ref: ReturnType<typeof imageArgument>;
  readonly image: Image;
}

async function localImages({ local }: Toolbox): Promise<readonly NamedImage[]> {
  const names = await local.list();
  const found = names.map(async ({ ref, digest }) => ({ ref, image: await local.resolve({ ...ref, digest }) }));
  return (await Promise.all(found)).flatMap(({ ref, image }) => (image === undefined ? [] : [{ ref, image }]));
}

async function named({ images }: Toolbox, refs: readonly NamedImage["ref"][]): Promise<readonly NamedImage[]> {
  const found = refs.map(async (ref) => {
    const image = await images.resolve(ref);
    if (image !== undefined) return { ref, image };
    throw new TspackError("IMAGE_NOT_FOUND", `There is no image ${familiarName(ref)}, here or in its registry`, {
      hint: "tspack images list shows what is here",
    });
  });
  return Promise.all(found);
}
