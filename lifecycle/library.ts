import { dirname, resolve } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { networkAccess } from "./cli/network-access.ts";
import { type BuildPorts, type BuildResult, build as buildApplication } from "./platform/build/build.ts";
import { eventContext } from "./platform/build/event-context.ts";
import { explainFailure } from "./platform/build/failure.ts";
import type { BuildRequest } from "./platform/build/request.ts";
import type { OnEvent } from "./platform/events.ts";
import { inspect as inspectImage, type Inspection } from "./platform/inspect/inspect-image.ts";
import type { Env } from "./platform/machine.ts";
import * as rebases from "./platform/rebase/rebase.ts";
import type { RebaseOutcome, RebasePlan, RebaseRequest, RebaseSummary } from "./platform/rebase/request.ts";
import { openTools, type Tools } from "./platform/tools.ts";

/** What the functions of the library work with. Nothing is read that is not handed over here. */
export interface LibraryOptions {
  /**
   * Usually `process.env`: says where images and caches are (`TSPACK_HOME`, `HOME`), and has
   * proxies, certificates and credentials. Buildpacks see none of it.
   */
  readonly env: Env;
  /** Relative paths start here; the working directory when absent. */
  readonly cwd?: string | undefined;
  /** For an application that comes on standard input. */
  readonly stdin?: Readable | undefined;
  /** Gets every event of this call, in order; platform/README.md describes them. */
  readonly onEvent?: OnEvent | undefined;
  /** Ends the work; nothing of it stays behind. */
  readonly signal?: AbortSignal | undefined;
}

/** An image that is inspected. */
export interface InspectRequest {
  readonly image: string;
  readonly insecureRegistries?: readonly string[] | undefined;
}

/**
 * Builds an application image, as `tspack build` does. Several builds may run at a time.
 * Throws `TspackError`; `CANCELED` when the signal fires.
 */
export function build(request: BuildRequest, options: LibraryOptions): Promise<BuildResult> {
  return buildApplication(request, portsOf(options));
}

/**
 * Puts an image, or each image of an index in a registry, on a new base, as `tspack rebase` does. Throws
 * `REBASE_FAILED`, `NOT_REBASABLE`, `IMAGE_NOT_FOUND`.
 */
export function rebase(request: RebaseRequest, options: LibraryOptions): Promise<RebaseSummary> {
  return withTools(request.insecureRegistries, options, (tools) => rebases.rebase(request, tools));
}

/**
 * What `rebase` would do and why, as `tspack rebase --plan` tells it; nothing is changed. A refusal is a
 * plan as well. Throws `REBASE_FAILED`, `IMAGE_NOT_FOUND`.
 */
export function planRebase(request: RebaseRequest, options: LibraryOptions): Promise<RebasePlan> {
  return withTools(request.insecureRegistries, options, (tools) => rebases.planRebase(request, tools));
}

/** Several images that are rebased alike. */
export interface RebaseAllRequest extends Omit<RebaseRequest, "image"> {
  readonly images: readonly string[];
  /** Plan only: nothing is changed, and the outcomes have a `plan`. */
  readonly plan?: boolean | undefined;
  /** Gets each outcome as it comes. */
  readonly onOutcome?: ((outcome: RebaseOutcome) => void) | undefined;
}

/**
 * Puts several images on new bases, several at a time, with one look for each run image. One that fails is
 * an outcome with an `error`, and the others go on. Outcomes are in the order in which they came. Throws
 * `INVALID_ARGUMENTS`, `CANCELED`.
 */
export async function rebaseAll(
  { images, plan, onOutcome = () => {}, ...request }: RebaseAllRequest,
  options: LibraryOptions,
): Promise<readonly RebaseOutcome[]> {
  const outcomes: RebaseOutcome[] = [];
  const collect = (outcome: RebaseOutcome): void => {
    outcomes.push(outcome);
    onOutcome(outcome);
  };
  await withTools(request.insecureRegistries, options, (tools) =>
    rebases.rebaseAll(images, request, tools, { plan, onOutcome: collect }),
  );
  return outcomes;
}

/** Reads what an image is made of, as `tspack inspect` does. Throws `IMAGE_NOT_FOUND`. */
export function inspect(request: InspectRequest, options: LibraryOptions): Promise<Inspection> {
  return withTools(request.insecureRegistries, options, (tools) => inspectImage(request.image, tools));
}

function portsOf({ env, cwd = process.cwd(), stdin, onEvent, signal }: LibraryOptions): BuildPorts {
  // The source is lifecycle/index.ts of the package, the bundle dist/index.js.
  const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  return {
    machine: { env, cwd, uid: process.getuid?.() ?? 0, packageRoot, stdin },
    openNetwork: (insecureRegistries, ctx) => networkAccess(env, insecureRegistries, ctx),
    onEvent,
    signal,
  };
}

async function withTools<T>(
  insecureRegistries: readonly string[] = [],
  options: LibraryOptions,
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { onEvent = () => {}, signal = new AbortController().signal } = options;
  const { machine, openNetwork } = portsOf(options);
  const ctx = eventContext({ onEvent, signal, clock: () => new Date(), verbose: false });
  try {
    return await work(openTools(machine, openNetwork(insecureRegistries, ctx), ctx));
  } catch (error) {
    throw explainFailure(error, signal);
  }
}
