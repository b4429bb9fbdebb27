import { join } from "node:path";
import { buildpackApis } from "../cnb/api/buildpack.ts";
import { platformApis } from "../cnb/api/platform.ts";
import type { Context } from "../context.ts";
import { assembleLifecycle, type LifecycleDistribution } from "../distribution/assemble.ts";
import type { LifecycleArch } from "../distribution/elf.ts";
import { librariesIn, libraryPackages, type LibraryFile } from "../distribution/libraries.ts";
import { fetchNode, type NodeRuntime } from "../distribution/node-runtime.ts";
import { version } from "../distribution/version.ts";
import { resolveStack, withDownloader, type ResolveStackInputs } from "./stack/create-stack.ts";
import type { LockedPackage, StackLock } from "./stack/lock.ts";
import { fetchPackages } from "./stack/package-files.ts";
import { readStackFile, type StackFile } from "./stack/stack-file.ts";

/** What a lifecycle is made of: Node from npm, the C library from a stack's archive, our code. */
export interface CreateLifecycleInputs extends ResolveStackInputs {
  /** The stack.toml that names the archive; its own packages do not matter. */
  readonly stackFile: string;
  /** The folder that `npm run build` made: `dist` of this package. */
  readonly distDir: string;
  /** Packages that are decided already; the archive is not asked again. */
  readonly lock?: StackLock | undefined;
  /** A Node that is being fetched already. */
  readonly node?: Promise<NodeRuntime> | undefined;
}

/**
 * Fetches what the lifecycle needs and lists its files. Throws what `assembleLifecycle`,
 * `fetchNode` and `createStack` throw.
 */
export async function createLifecycle(inputs: CreateLifecycleInputs): Promise<LifecycleDistribution> {
  const { arch, cacheDir, ctx, distDir } = inputs;
  const stack = await readStackFile(inputs.stackFile);
  const [node, { libraries, packages }] = await Promise.all([
    inputs.node ?? fetchLifecycleNode(arch, cacheDir, ctx),
    fetchLibraries(stack, inputs),
  ]);
  const descriptor = { version, platformApis, buildpackApis };
  const components = [
    { name: "node", version: node.version, license: "MIT", purl: `pkg:generic/node@${node.version}` },
    ...packages.map((each) => ({
      name: each.name,
      version: each.version,
      purl: `pkg:deb/${stack.distribution.name}/${each.name}@${each.version}?arch=${each.architecture}`,
    })),
  ];
  // Buildpacks of the same user could open the debugger by a signal. Node knows the option since 22.14; ours is newer.
  const runtime = { nodeBinary: node.binary, nodeLicense: node.license, nodeOption: "--disable-sigusr1" };
  const parts = { arch, descriptor, ...runtime, libraries, components, distDir };
  return assembleLifecycle(parts);
}

/** Fetches the Node that a lifecycle runs on. Throws what `fetchNode` throws. */
export function fetchLifecycleNode(arch: LifecycleArch, cacheDir: string, ctx: Context): Promise<NodeRuntime> {
  return fetchNode({ arch, cacheDir: join(cacheDir, "node"), ctx });
}

interface Libraries {
  readonly libraries: readonly LibraryFile[];
  readonly packages: readonly LockedPackage[];
}

/** The shared libraries of the archive's newest packages. */
async function fetchLibraries(stack: StackFile, inputs: CreateLifecycleInputs): Promise<Libraries> {
  const wanted: StackFile = { ...stack, packages: { ...stack.packages, run: libraryPackages, build: [] } };
  return withDownloader(inputs, async (downloader) => {
    const locked = lockedLibraries(inputs.lock);
    const { packages } = locked ?? (await resolveStack(wanted, inputs, downloader));
    const own = packages.filter((each) => libraryPackages.includes(each.name));
    const files = fetchPackages(
      { packages: own, mirrors: inputs.mirrors, cacheDir: inputs.cacheDir },
      downloader,
      inputs.ctx,
    );
    const debs = await Promise.all(own.map((each) => files.open(each)));
    return { libraries: librariesIn(debs.flatMap((deb) => deb.entries)), packages: own };
  });
}

/** A lock that has all of the packages; undefined when the archive has to be asked. */
function lockedLibraries(lock: StackLock | undefined): StackLock | undefined {
  const names = new Set(lock?.packages.map((each) => each.name));
  return libraryPackages.every((name) => names.has(name)) ? lock : undefined;
}
