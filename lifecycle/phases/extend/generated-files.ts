import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeExtendConfig, type ExtendConfig } from "../../cnb/files/extend-config.ts";
import { TspackError } from "../../errors.ts";
import { readTomlFile } from "../files.ts";
import { reasonOf } from "../reason.ts";
import { type Dockerfile, invalid, parseDockerfile } from "./dockerfile.ts";

/** Which of the two images a Dockerfile is for. */
export type ImageKind = "build" | "run";

/** The largest Dockerfile that is read, in bytes. */
const largestDockerfile = 1024 * 1024;

/**
 * Reads a Dockerfile that an extension wrote; undefined when there is none. A link is refused: the
 * extender may be root, and its errors would show what the link leads to. Throws `INVALID_DOCKERFILE`.
 */
export function readDockerfile(path: string): Dockerfile | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw invalid(`${path} is not a regular file`);
  if (stats.size > largestDockerfile) throw invalid(`${path} is larger than ${largestDockerfile} bytes`);
  return parseDockerfile(readFileSync(path, "utf8"));
}

/** Reads the `extend-config.toml` of a directory; without one there are no arguments. Throws `INVALID_DOCKERFILE`, `INVALID_TOML`. */
export function readExtendConfig(directory: string): ExtendConfig {
  const path = join(directory, "extend-config.toml");
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { build: [], run: [] };
  try {
    return decodeExtendConfig(readTomlFile(path));
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    const doing = cause.code === "INVALID_DOCKERFILE" ? "validating" : "reading";
    throw new TspackError(cause.code, `${doing} extend config: ${reasonOf(cause)}`, { cause, hint: cause.hint });
  }
}
