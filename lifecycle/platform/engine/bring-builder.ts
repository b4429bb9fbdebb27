import { parseReference } from "../../oci/reference.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import type { ResolvedRequest } from "../build/resolve-request.ts";
import { findBuilderImage } from "../builder/choose-builder.ts";
import { defaultNames } from "../builder/default-builder.ts";
import type { Tools } from "../tools.ts";
import { bringImage, bringMadeImage, type BringPorts, requirePlatform } from "./bring-image.ts";
import { requireEmulation } from "./emulation.ts";
import { type EngineImageFacts } from "./images.ts";
import type { BuildEngine } from "./with-engine.ts";

/** What brings images to the engine of a build. */
export function bringPorts({ request, platform }: ResolvedRequest, tools: Tools, engine: BuildEngine): BringPorts {
  return {
    engine: engine.open.connection,
    local: tools.local,
    keychain: tools.network.keychain,
    policy: request.pullPolicy ?? "if-not-present",
    platform,
    ctx: tools.ctx,
  };
}

/** Whether the builder is named by a reference, and not made here. */
export function isNamedImage(builder: string | undefined): builder is string {
  return builder !== undefined && !builder.startsWith("oci:") && !builder.endsWith(".toml");
}

/**
 * Makes sure that the engine has the builder: by its name, or the one that is made here. Throws
 * `IMAGE_NOT_FOUND`, `INVALID_BUILDER` for one of another platform, `RUNNER_UNAVAILABLE` when the engine can
 * not run it, and what making it throws.
 */
export async function bringBuilder(
  resolved: ResolvedRequest,
  tools: Tools,
  engine: BuildEngine,
): Promise<EngineImageFacts & { readonly name: string }> {
  const { builder, debianMirror } = resolved.request;
  const ports = bringPorts(resolved, tools, engine);
  const name = builder ?? defaultNames.builder;
  const image = isNamedImage(builder)
    ? await bringImage(parseReference(builder, "--builder"), "the builder", ports)
    : await bringMadeImage(await findBuilderImage(tools, builder, debianMirror), "builder", ports);
  requirePlatform(name, image, resolved.platform ?? enginePlatform(engine));
  await requireEmulation(image, engine, tools.ctx);
  return { ...image, name };
}

function enginePlatform({ open }: BuildEngine): { readonly os: string; readonly architecture: string } {
  const own = machinePlatform();
  return { os: open.os, architecture: open.architecture === "" ? own.architecture : open.architecture };
}
