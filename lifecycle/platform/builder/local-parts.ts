import { join } from "node:path";
import type { Context } from "../../context.ts";
import type { LifecycleDistribution } from "../../distribution/assemble.ts";
import type { LifecycleArch } from "../../distribution/elf.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { createLifecycle, fetchLifecycleNode } from "../create-lifecycle.ts";
import { chooseMirrors } from "../debian/mirrors.ts";
import type { Network } from "../debian/download.ts";
import type { Places } from "../places.ts";
import { createStack, type CreateStackInputs, type Stack } from "../stack/create-stack.ts";
import { lockName } from "../stack/lock.ts";
import { readStackFile } from "../stack/stack-file.ts";
import type { Tools } from "../tools.ts";

/** Where the parts that come with tspack are, and how others are fetched. */
export interface LocalSources {
  /** The folder of the package: `dist`, `stacks` and `buildpacks` are in it. */
  readonly packageRoot: string;
  readonly places: Places;
  readonly arch: LifecycleArch;
  /** The mirror as the person named it: an option, a variable. */
  readonly mirror: {
    readonly option?: string | undefined;
    readonly env?: string | undefined;
    readonly config?: string | undefined;
  };
  readonly network: Network;
}

/** Where the parts of builders come from on this machine. */
export function localSources({ machine, network, places, settings }: Tools, mirror: string | undefined): LocalSources {
  const { http, https, no } = network.proxy;
  const caFile = machine.env["SSL_CERT_FILE"] ?? machine.env["NODE_EXTRA_CA_CERTS"];
  return {
    packageRoot: machine.packageRoot,
    places,
    arch: process.arch === "arm64" ? "arm64" : "amd64",
    mirror: {
      option: mirror,
      env: machine.env["TSPACK_DEBIAN_MIRROR"],
      config: settings.debianMirror,
    },
    network: { caFile, httpProxy: http, httpsProxy: https, noProxy: no },
  };
}

/** The stack of those who name none. */
export function defaultStackFile({ packageRoot }: Pick<LocalSources, "packageRoot">): string {
  return join(packageRoot, "stacks/bookworm/stack.toml");
}

/** Makes, or finds again, the stack of a `stack.toml`. Throws what `createStack` throws. */
export async function localStack(
  sources: LocalSources,
  stackFile: string,
  options: { readonly update?: boolean; readonly lockFile?: string | undefined },
  blobs: BlobCache,
  ctx: Context,
): Promise<Stack> {
  const { update, lockFile } = options;
  return createStack({ ...(await stackInputs(sources, stackFile, lockFile)), update, blobs, ctx });
}

/** What a stack is made of on this machine; `lockFile` takes the place of the lock among tspack's own data. */
export async function stackInputs(
  { places, arch, mirror, network }: LocalSources,
  stackFile: string,
  lockFile?: string,
): Promise<Omit<CreateStackInputs, "blobs" | "ctx" | "update">> {
  const stack = await readStackFile(stackFile);
  const mirrors = await chooseMirrors({ ...mirror, aptDir: "/etc/apt", suites: stack.suites });
  return {
    stackFile,
    arch,
    mirrors,
    network,
    cacheDir: places.downloads,
    lockFile: lockFile ?? join(places.stacks, lockName(stack, arch)),
  };
}

/** What builders are made of. */
export interface LocalParts {
  readonly stack: Stack;
  /** Ours, with a Node of its own and the C library that it needs. */
  readonly lifecycle: LifecycleDistribution;
}

/**
 * The stack of a `stack.toml` and the lifecycle. Node comes from another server than the packages,
 * so it is fetched meanwhile. Throws what `createStack` and `createLifecycle` throw.
 */
export async function localParts(
  sources: LocalSources,
  stackFile: string,
  blobs: BlobCache,
  ctx: Context,
): Promise<LocalParts> {
  const { arch, places, packageRoot } = sources;
  const giveUp = new AbortController();
  const signal = AbortSignal.any([ctx.signal, giveUp.signal]);
  const node = fetchLifecycleNode(arch, places.downloads, { ...ctx, signal });
  // It is awaited when the stack is made; until then its failure must not count as unhandled.
  node.catch(() => {});
  try {
    const stack = await localStack(sources, stackFile, {}, blobs, ctx);
    const inputs = await stackInputs(sources, stackFile);
    const distDir = join(packageRoot, "dist");
    return { stack, lifecycle: await createLifecycle({ ...inputs, lock: stack.lock, distDir, ctx, node }) };
  } catch (error) {
    giveUp.abort();
    await node.catch(() => {});
    throw error;
  }
}
