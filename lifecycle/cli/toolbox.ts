import type { Context, Progress } from "../context.ts";
import { silentProgress } from "../context.ts";
import { InputError, TspackError } from "../errors.ts";
import type { LogLevel } from "../logger.ts";
import type { Image } from "../oci/image.ts";
import { dockerHub, type ImageRef, parseReference } from "../oci/reference.ts";
import { type Places, placesFrom } from "../platform/places.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { openBlobCache } from "../stores/blob-cache/open.ts";
import { layoutStore, type LayoutStore } from "../stores/layout/layout-store.ts";
import type { RegistryStore } from "../stores/registry/registry-store.ts";
import type { ImageSource } from "../stores/store.ts";
import { lineLogger, type Write } from "./console.ts";
import type { Env } from "./phase-options.ts";
import { consoleProgress } from "./progress.ts";
import { openRegistries } from "./registry-access.ts";

/** The process that tspack runs in, as far as it may see it. */
export interface TspackHost {
  readonly argv: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  /** The user of this process. */
  readonly uid: number;
  readonly stdout: Write;
  readonly stderr: Write;
  /** Whether standard error is a terminal: bars instead of lines. */
  readonly terminal: boolean;
  readonly color: boolean;
  /** The folder of this package. */
  readonly packageRoot: string;
  readonly signal: AbortSignal;
}

/** Ends the command with a status that is somebody else's: of the process that was run. */
export class ExitWith extends Error {
  override readonly name = "ExitWith";
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Options that every command has. */
export interface CommonOptions {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly insecureRegistry?: readonly string[];
}

/** What commands work with, made once per run. */
export interface Toolbox {
  readonly host: TspackHost;
  readonly ctx: Context;
  readonly color: boolean;
  readonly places: Places;
  /** The local image store. */
  readonly local: LayoutStore;
  readonly registries: RegistryStore;
  /** Looks here first and then in the registry that the name says. */
  readonly images: ImageSource;
  blobs(): Promise<BlobCache>;
}

/** Opens the stores with the options that every command has. Throws `INVALID_ENV`. */
export function openToolbox(host: TspackHost, options: CommonOptions): Toolbox {
  const color = host.color && options.color !== false;
  const level: LogLevel = options.quiet === true ? "error" : options.verbose === true ? "debug" : "info";
  const ctx: Context = {
    logger: lineLogger(host.stderr, { level, color }),
    progress: progressFor(host, options),
    clock: () => new Date(),
    signal: host.signal,
  };
  const places = placesFrom(host.env);
  const local = layoutStore(places.images);
  const registries = openRegistries({ env: host.env, insecureRegistries: options.insecureRegistry ?? [], ctx });
  const images: ImageSource = {
    resolve: async (ref, resolveOptions) =>
      (await local.resolve(ref, resolveOptions)) ?? registries.resolve(ref, resolveOptions),
  };
  return { host, ctx, color, places, local, registries, images, blobs: () => openBlobCache(places.blobs, { ctx }) };
}

function progressFor(host: TspackHost, { quiet }: CommonOptions): Progress {
  if (quiet === true) return silentProgress;
  return consoleProgress({ write: host.stderr, terminal: host.terminal, now: () => performance.now() });
}

/** Reads an image name of the arguments. Throws `INVALID_REFERENCE`. */
export function imageArgument(text: string, source = "argument"): ImageRef {
  return parseReference(text, source);
}

/** Reads `K=V` or `K` (from the environment) of `--env`. Throws `INVALID_ARGUMENTS` with all that are wrong. */
export function readVariables(given: readonly string[], env: Env): Readonly<Record<string, string>> {
  const issues = given
    .filter((entry) => entry.startsWith("=") || entry === "" || (!entry.includes("=") && env[entry] === undefined))
    .map((entry) => ({
      source: "--env",
      path: "",
      expected: "NAME=VALUE, or NAME of a variable that is set",
      got: JSON.stringify(entry.replace(/=.*/s, "")),
    }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "variables can not be used", issues);
  return Object.fromEntries(
    given.map((entry) => {
      const at = entry.indexOf("=");
      return at === -1 ? [entry, env[entry] ?? ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** A name as people write it: Docker Hub's default parts are left out. */
export function familiarName(ref: ImageRef): string {
  const repository =
    ref.registry === dockerHub ? ref.repository.replace(/^library\//, "") : `${ref.registry}/${ref.repository}`;
  const tag = ref.tag === undefined ? "" : `:${ref.tag}`;
  return `${repository}${tag}${ref.digest === undefined ? "" : `@${ref.digest}`}`;
}

/** An image that has to be there, here or in its registry. Throws `IMAGE_NOT_FOUND`, `INVALID_REFERENCE`. */
export async function requireImage({ images }: Toolbox, name: string): Promise<Image> {
  const image = await images.resolve(imageArgument(name));
  if (image !== undefined) return image;
  throw new TspackError(
    "IMAGE_NOT_FOUND",
    `there is no image ${name}, neither in the local store nor in its registry`,
    {
      hint: "tspack images list shows the local ones",
    },
  );
}
