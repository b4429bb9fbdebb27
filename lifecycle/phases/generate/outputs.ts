import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { escapeId } from "../../cnb/ids.ts";
import { TspackError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { invalid } from "../extend/dockerfile.ts";
import { type ImageKind, readDockerfile, readExtendConfig } from "../extend/generated-files.ts";
import { checkDockerfile, type DockerfileEffect } from "./check-dockerfile.ts";

/** A Dockerfile that an extension generated. */
export interface GeneratedDockerfile extends DockerfileEffect {
  readonly extensionId: string;
  readonly kind: ImageKind;
  /** The directory that it lies in. */
  readonly directory: string;
}

/** Reads and checks what an extension left in its output directory. Throws `INVALID_DOCKERFILE`, `INVALID_TOML`. */
export function readOutputs(extensionId: string, directory: string, logger: Logger): readonly GeneratedDockerfile[] {
  readExtendConfig(directory);
  const dockerfiles = (["run", "build"] as const).flatMap((kind) => {
    const effect = effectOf(extensionId, directory, kind, logger);
    return effect === undefined ? [] : [{ extensionId, kind, directory, ...effect }];
  });
  checkContexts(directory);
  return dockerfiles;
}

function effectOf(id: string, directory: string, kind: ImageKind, logger: Logger): DockerfileEffect | undefined {
  try {
    const dockerfile = readDockerfile(join(directory, `${kind}.Dockerfile`));
    if (dockerfile === undefined) return undefined;
    logger.debug(`Found ${kind}.Dockerfile for processing`);
    return checkDockerfile(dockerfile, kind, logger);
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    const message = `failed to parse ${kind}.Dockerfile for extension ${id}: ${cause.message}`;
    throw new TspackError(cause.code, message, { cause, hint: cause.hint });
  }
}

/** One context for both images, or one for each. Image extension specification, "Context Folders". */
function checkContexts(directory: string): void {
  const isThere = (name: string): boolean =>
    statSync(join(directory, name), { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere("context") && (isThere("context.build") || isThere("context.run"))) {
    throw invalid("image-specific context dir is provided together with a shared context");
  }
}

/** Gives a Dockerfile that a later one makes void a name that the extender does not look for. */
export function ignoreDockerfile({ directory, kind }: GeneratedDockerfile): void {
  const path = join(directory, `${kind}.Dockerfile`);
  renameSync(path, `${path}.ignore`);
}

/** Copies a Dockerfile and its arguments to where Platform APIs below 0.13 have them: `<generated>/<kind>/<id>`. */
export function copyDockerfile(
  { extensionId, kind, directory }: GeneratedDockerfile,
  isVoid: boolean,
  generatedDir: string,
  logger: Logger,
): void {
  const target = join(generatedDir, kind, escapeId(extensionId));
  const from = join(directory, `${kind}.Dockerfile`);
  const to = join(target, isVoid ? "Dockerfile.ignore" : "Dockerfile");
  mkdirSync(target, { recursive: true });
  logger.debug(`Copying ${from} to ${to}`);
  copyFileSync(from, to);
  const config = join(directory, "extend-config.toml");
  if (existsSync(config)) copyFileSync(config, join(target, "extend-config.toml"));
}
