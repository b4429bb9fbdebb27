import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import { engineStore } from "../../stores/engine/engine-store.ts";
import type { EngineConnection } from "../../stores/engine/connection.ts";
import type { ImageSource, Keychain } from "../../stores/store.ts";
import type { PullPolicy } from "../build/request.ts";
import { type EngineImageFacts, engineName, inspectImage, pullImage } from "./images.ts";

/** What bringing images to an engine works with. */
export interface BringPorts {
  readonly engine: EngineConnection;
  /** tspack's own store on this machine. */
  readonly local: ImageSource;
  readonly keychain: Keychain;
  readonly policy: PullPolicy;
  /** `--platform`; the engine's own when absent. */
  readonly platform: Platform | undefined;
  readonly ctx: Context;
}

/** The host of images that tspack made itself: no registry has it. */
const ownHost = "tspack.local";

/**
 * Makes sure that the engine has an image of a name, by the pull policy: its own, that of tspack's
 * store, or one from the registry. `what` is what it is needed for. Throws `IMAGE_NOT_FOUND`,
 * `UNAUTHORIZED`, `ENGINE_ERROR`, `CANCELED`.
 */
export async function bringImage(ref: ImageRef, what: string, ports: BringPorts): Promise<EngineImageFacts> {
  const { engine, local, policy } = ports;
  const name = engineName(ref);
  const isOwn = ref.registry === ownHost;
  const there = await inspectImage(engine, name);
  if (there !== undefined && !isOwn && policy !== "always") return there;
  const here = policy === "always" && !isOwn ? undefined : await local.resolve(ref);
  if (here !== undefined) return loadUnlessThere(here, ref, there, ports);
  if (isOwn || policy === "never") {
    if (there !== undefined) return there;
    throw notFound(name, what, policy);
  }
  await pullImage(engine, ref, ports);
  return (await inspectImage(engine, name)) ?? Promise.reject(notFound(name, what, policy));
}

/** Makes sure that the engine has an image that was made here, under a name that says which it is. */
export async function bringMadeImage(image: Image, purpose: string, ports: BringPorts): Promise<EngineImageFacts> {
  const { digest } = await image.config();
  const ref = parseReference(`${ownHost}/${purpose}:${hex(digest).slice(0, 16)}`);
  return loadUnlessThere(image, ref, await inspectImage(ports.engine, engineName(ref)), ports);
}

/** The same layers mean the same image: IDs are not comparable between the kinds of engines. */
async function loadUnlessThere(
  image: Image,
  ref: ImageRef,
  there: EngineImageFacts | undefined,
  { engine, ctx }: BringPorts,
): Promise<EngineImageFacts> {
  const { value } = await image.config();
  const { diff_ids: diffIds } = value.rootfs;
  const isSame =
    there?.diffIds.length === diffIds.length && diffIds.every((diffId, index) => there.diffIds[index] === diffId);
  if (there !== undefined && isSame) return there;
  const store = engineStore({ engine, directory: noSavedLayers });
  await store.write(image, [ref], { ctx });
  const loaded = await inspectImage(engine, engineName(ref));
  if (loaded !== undefined) return loaded;
  throw new TspackError("ENGINE_ERROR", `the container engine took ${engineName(ref)} and does not have it`);
}

function noSavedLayers(): string {
  throw new Error("writing an image reads none of the engine");
}

function notFound(name: string, what: string, policy: PullPolicy): TspackError {
  const message = `there is no image ${name} for ${what}, neither in the container engine nor in the local store`;
  return new TspackError("IMAGE_NOT_FOUND", message, {
    hint: policy === "never" ? "leave --pull-policy never out to fetch it from its registry" : "check its name",
  });
}

/** Refuses an image for another machine than the one that it has to run on. Throws `INVALID_BUILDER`. */
export function requirePlatform(
  name: string,
  image: Pick<EngineImageFacts, "os" | "architecture">,
  wanted: { readonly os: string; readonly architecture: string },
): void {
  if (image.os === wanted.os && image.architecture === wanted.architecture) return;
  const [theirs, ours] = [image, wanted].map(({ os, architecture }) => `${os}/${architecture}`);
  throw new TspackError("INVALID_BUILDER", `${name} is for ${theirs}, and ${ours} is wanted`, {
    hint: `name a builder for ${ours}; --platform ${theirs} builds for the other platform, when the engine can run it`,
  });
}
