import type { Digest } from "../../oci/digest.ts";
import { resolve } from "node:path";
import { localStack } from "../../platform/builder/local-parts.ts";
import { attachSboms } from "../../platform/stack/attach-sboms.ts";
import type { Stack } from "../../platform/stack/create-stack.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, familiarName, openToolbox, type Toolbox, type TspackHost } from "../toolbox.ts";
import {
  type ImageOptions,
  type SourceOptions,
  stackFileOf,
  type StackRefs,
  stackRefs,
  stackSources,
} from "./stack-names.ts";

/** Options of `tspack stack create`. */
export interface StackOptions extends CommonOptions, SourceOptions, ImageOptions {
  readonly update?: boolean;
  readonly lock?: string;
  readonly json?: boolean;
}

/** `tspack stack create`: run and build image of distribution packages. */
export async function createStackCommand(
  host: TspackHost,
  [name = "bookworm"]: readonly string[],
  options: StackOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const { ctx } = toolbox;
  const stackFile = stackFileOf(host, name);
  const refs = stackRefs(name, options);
  const lockFile = options.lock === undefined ? undefined : resolve(host.cwd, options.lock);
  const chosen = { update: options.update === true, lockFile };
  const stack = await localStack(stackSources(toolbox, options), stackFile, chosen, await toolbox.blobs(), ctx);
  for (const written of await writeStack(stack, refs, options.publish === true, toolbox)) {
    host.stdout(options.json === true ? `${JSON.stringify(written)}\n` : writtenText(written));
  }
}

/** What one image of a stack became. */
export interface WrittenImage {
  readonly kind: "run" | "build";
  readonly name: string;
  readonly digest: Digest;
  /** Bytes, compressed. */
  readonly size: number;
  readonly packages: number;
}

/** Writes both images of a stack, and into a registry their bills of materials, too. */
export async function writeStack(
  stack: Stack,
  refs: StackRefs,
  publish: boolean,
  { ctx, local, registries }: Toolbox,
): Promise<readonly WrittenImage[]> {
  const written: WrittenImage[] = [];
  for (const kind of ["run", "build"] as const) {
    const { digest } = await (publish ? registries : local).write(stack[kind], [refs[kind]], { ctx });
    if (publish) await attachSboms(registries, refs[kind], stack[kind], stack.sbom[kind], ctx);
    const { value } = await stack[kind].manifest();
    const size = value.layers.reduce((sum, layer) => sum + layer.size, 0);
    const { packages: locked } = kind === "run" ? stack.lock : stack.buildLock;
    const packages = locked.filter(({ image }) => kind === "build" || image === "run").length;
    written.push({ kind, name: familiarName(refs[kind]), digest, size, packages });
  }
  return written;
}

/** Two lines about an image. */
export function writtenText({ kind, name, digest, size, packages }: WrittenImage): string {
  return `${kind.padEnd(5)} ${name}  ${formatBytes(size)}, ${packages} packages\n      ${digest}\n`;
}
