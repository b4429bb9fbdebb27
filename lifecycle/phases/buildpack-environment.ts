import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BuildpackFeatures } from "../cnb/api/buildpack.ts";
import {
  applyEnv,
  buildEnvironment,
  type EnvFile,
  envModifications,
  type Environment,
  layerDirectories,
  layerPathModifications,
  platformModifications,
} from "../cnb/env.ts";
import type { TargetMetadata } from "../cnb/files/analyzed.ts";
import type { BuildpackDescriptor } from "../cnb/files/buildpack-toml.ts";
import { completeTarget, targetVariables } from "../cnb/target.ts";
import { errorCode, TspackError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BuildpackInputs } from "./detect/inputs.ts";
import { readEnvFiles } from "./env-files.ts";
import { systemMessage } from "./system-message.ts";

/** Whose environment it is, and what it begins with. */
export interface EnvironmentOf {
  readonly descriptor: BuildpackDescriptor;
  readonly features: BuildpackFeatures;
  readonly target: TargetMetadata;
  /** What the phase's own environment and the layers before left. */
  readonly variables: Environment;
}

/** What of the phase's own environment buildpacks may see. Buildpack specification, "Provided by the Platform". */
export function permittedVariables(env: Readonly<Record<string, string>>): Environment {
  return buildEnvironment(Object.entries(env));
}

/** What the user and the operator gave. */
export interface EnvironmentFiles {
  readonly user: () => readonly EnvFile[];
  readonly operator: () => readonly EnvFile[];
}

/** The files of environments, each directory read once, when it is first asked for. */
export function environmentFiles({ platformDir, buildConfigDir }: BuildpackInputs): EnvironmentFiles {
  let user: readonly EnvFile[] | undefined;
  let operator: readonly EnvFile[] | undefined;
  return {
    user: () => (user ??= filesIn(join(platformDir, "env"))),
    operator: () => (operator ??= filesIn(join(buildConfigDir, "env"))),
  };
}

/**
 * The whole environment of an executable of a buildpack, but for the path of its plan: the user's
 * variables unless it has `clear-env`, then the operator's, then those of the specification.
 */
export function environmentFor(
  of: EnvironmentOf,
  inputs: BuildpackInputs,
  files = environmentFiles(inputs),
): Readonly<Record<string, string>> {
  const { descriptor, features, target } = of;
  const user = descriptor.clearEnv ? [] : platformModifications(files.user());
  const variables = applyEnv(of.variables, [...user, ...envModifications(files.operator(), "default")]);
  const { execEnv } = inputs;
  return {
    ...Object.fromEntries(variables),
    [descriptor.kind === "extension" ? "CNB_EXTENSION_DIR" : "CNB_BUILDPACK_DIR"]: descriptor.rootDir,
    ...(features.pathVariables ? { CNB_PLATFORM_DIR: inputs.platformDir } : {}),
    ...(features.targetVariables ? targetVariables(target) : {}),
    ...(features.execEnv && execEnv !== undefined && execEnv !== "" ? { CNB_EXEC_ENV: execEnv } : {}),
  };
}

/** The environment for the buildpacks after one that left this build layer. Buildpack specification, "Layer Paths". */
export function withBuildLayer(variables: Environment, layerDir: string): Environment {
  const path = resolve(layerDir);
  const existing = new Set(layerDirectories.filter((directory) => existsSync(join(path, directory))));
  return applyEnv(variables, [
    ...layerPathModifications(path, existing),
    ...envModifications(filesIn(join(path, "env")), "override"),
    ...envModifications(filesIn(join(path, "env.build")), "override"),
  ]);
}

/** The target of the build: what the run image leaves open comes from the machine that builds. */
export function knownTarget({ target, osRelease }: BuildpackInputs, logger: Logger): TargetMetadata {
  if (target?.distro !== undefined) return target;
  logger.info("target distro name/version labels not found, reading /etc/os-release file");
  return completeTarget(target, {
    osRelease: readOsRelease(osRelease, logger),
    arch: architectures[process.arch] ?? process.arch,
  });
}

function readOsRelease(path: string, logger: Logger): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    logger.warn(`Encountered error trying to read ${path} file: ${systemMessage(error)}`);
    return "";
  }
}

/** Names of processors as OCI has them, by Node's. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

function filesIn(directory: string): readonly EnvFile[] {
  try {
    return readEnvFiles(directory);
  } catch (cause) {
    if (cause instanceof TspackError) throw cause;
    const message = `cannot read the environment files in ${directory}: ${systemMessage(cause)}`;
    throw new TspackError("INVALID_ENV", message, { cause });
  }
}
