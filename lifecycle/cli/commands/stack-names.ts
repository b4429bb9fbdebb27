import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { TspackError } from "../../errors.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { type LocalSources, localSources } from "../../platform/builder/local-parts.ts";
import { imageArgument, type Toolbox, type TspackHost } from "../toolbox.ts";

/** Options that say where the packages of a stack come from. */
export interface SourceOptions {
  readonly arch?: "amd64" | "arm64";
  readonly mirror?: string;
}

/** Options that say where the images of a stack go. */
export interface ImageOptions {
  readonly arch?: "amd64" | "arm64";
  readonly run?: string;
  readonly build?: string;
  readonly publish?: boolean;
}

/** Where the packages of a stack come from. */
export function stackSources(toolbox: Toolbox, { mirror, arch }: SourceOptions): LocalSources {
  const sources = localSources(toolbox, mirror);
  return arch === undefined ? sources : { ...sources, arch };
}

/** The stack.toml of a name or a path. Throws `FILE_NOT_FOUND` with the names that there are. */
export function stackFileOf(host: TspackHost, name: string): string {
  if (name.includes("/") || name.endsWith(".toml")) return resolve(host.cwd, name);
  const directory = join(host.packageRoot, "stacks");
  const known = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .flatMap((path) => /^([^/]+)\/stack\.toml$/.exec(path)?.[1] ?? [])
    .sort();
  if (known.includes(name)) return join(directory, name, "stack.toml");
  throw new TspackError("FILE_NOT_FOUND", `There is no stack ${JSON.stringify(name)}: there are ${known.join(", ")}`, {
    hint: "name one of them, or the path of a stack.toml",
  });
}

/** Names of both images. */
export interface StackRefs {
  readonly run: ImageRef;
  readonly build: ImageRef;
}

/**
 * The names that the images of a stack get: those that were given, else local ones, which say the
 * processor when it is not this machine's. Throws `INVALID_ARGUMENTS`, `INVALID_REFERENCE`.
 */
export function stackRefs(name: string, { run, build, publish, arch }: ImageOptions): StackRefs {
  if (publish === true && (run === undefined || build === undefined)) {
    throw new TspackError("INVALID_ARGUMENTS", "--publish needs the names of both images", {
      hint: "give --run IMAGE and --build IMAGE",
    });
  }
  const short =
    name
      .replace(/\/stack\.toml$|\.toml$/, "")
      .split("/")
      .at(-1) ?? name;
  const own = process.arch === "arm64" ? "arm64" : "amd64";
  const tag = arch === undefined || arch === own ? short : `${short}-${arch}`;
  return {
    run: imageArgument(run ?? defaultNames.run.replace("bookworm", tag), "--run"),
    build: imageArgument(build ?? `tspack.local/build:${tag}`, "--build"),
  };
}
