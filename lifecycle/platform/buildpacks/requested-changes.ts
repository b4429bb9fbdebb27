import { pulledImages } from "../build/pulled-images.ts";
import type { PullPolicy } from "../build/request.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import type { Tools } from "../tools.ts";
import { builderContents } from "./contents.ts";
import { type BuilderChanges, resolveBuilderChanges } from "./builder-changes.ts";
import type { ModulePorts } from "./module.ts";
import { readTarget } from "./read-platform.ts";
import { type BuildpackRequests, requestsOf } from "./request.ts";
import { registryIndex } from "./registry-index.ts";
import { removeHalfUnpacked } from "./unpacked.ts";

/** What a build is asked to take part beside, or instead of, what the builder has. */
export interface RequestedBuildpacks {
  readonly buildpacks?: readonly string[] | undefined;
  readonly preBuildpacks?: readonly string[] | undefined;
  readonly postBuildpacks?: readonly string[] | undefined;
  readonly extensions?: readonly string[] | undefined;
  readonly disableSystemBuildpacks?: boolean | undefined;
  /** `OS/ARCHITECTURE[/VARIANT]`; this machine's when absent. */
  readonly platform?: string | undefined;
  /** When packages in registries are asked for again. */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Name of the index in which ids are looked up that no builder has. */
  readonly buildpackRegistry?: string | undefined;
}

/** What a project descriptor asks for; options of the same kind stand above it. */
export interface DescribedBuildpacks {
  readonly buildpacks: BuildpackRequests;
  readonly pre: BuildpackRequests;
  readonly post: BuildpackRequests;
}

/** The changes of a builder that options and the project descriptor ask for. Throws what `resolveBuilderChanges` throws. */
export async function requestedChanges(
  request: RequestedBuildpacks,
  described: DescribedBuildpacks | undefined,
  builder: { readonly name: string; readonly rootfs: string },
  tools: Tools,
): Promise<BuilderChanges | undefined> {
  const choose = (texts: readonly string[] = [], own?: BuildpackRequests): BuildpackRequests => {
    const given = { requests: requestsOf(texts), baseDir: tools.machine.cwd };
    return given.requests.length > 0 || own === undefined ? given : own;
  };
  const buildpacks = choose(request.buildpacks, described?.buildpacks);
  // Named buildpacks replace the builder's groups, around which those of the descriptor would go.
  const around = buildpacks.requests.length > 0 ? undefined : described;
  const selection = {
    buildpacks,
    pre: choose(request.preBuildpacks, around?.pre),
    post: choose(request.postBuildpacks, around?.post),
    extensions: choose(request.extensions),
    disableSystem: request.disableSystemBuildpacks === true,
    platform: request.platform === undefined ? machinePlatform() : readTarget(request.platform, "--platform").platform,
  };
  const lists = [selection.buildpacks, selection.pre, selection.post, selection.extensions];
  if (lists.every(({ requests }) => requests.length === 0) && !selection.disableSystem) return undefined;
  const ports = await modulePorts(tools, { ...request, platform: selection.platform });
  return resolveBuilderChanges(selection, builderContents(builder), ports);
}

/** How buildpacks are looked for. */
export interface ModulePortsOptions {
  readonly pullPolicy?: PullPolicy | undefined;
  /** This machine's when absent. */
  readonly platform?: Platform | undefined;
  readonly buildpackRegistry?: string | undefined;
}

/** What finding buildpacks works with, on this machine. Throws `INVALID_ARGUMENTS` for an index that is not known. */
export async function modulePorts(
  tools: Tools,
  { pullPolicy, platform, buildpackRegistry }: ModulePortsOptions = {},
): Promise<ModulePorts> {
  const { http, https, no } = tools.network.proxy;
  const { env } = tools.machine;
  await removeHalfUnpacked(tools.places.buildpacks, tools.ctx.clock());
  return {
    images: pulledImages(tools, pullPolicy),
    registry: registryIndex(tools, { name: buildpackRegistry, pullPolicy }),
    blobs: await tools.blobs(),
    modulesDir: tools.places.buildpacks,
    network: {
      caFile: env["SSL_CERT_FILE"] ?? env["NODE_EXTRA_CA_CERTS"],
      httpProxy: http,
      httpsProxy: https,
      noProxy: no,
    },
    platform: platform ?? machinePlatform(),
    ctx: tools.ctx,
  };
}
