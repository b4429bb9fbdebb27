import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Analyzed, decodeAnalyzed, encodeAnalyzed } from "../cnb/files/analyzed.ts";
import { decodeGroup, decodeOrder, encodeGroup, type Group, type OrderFile } from "../cnb/files/group.ts";
import { decodePlan, encodePlan, type Plan } from "../cnb/files/plan.ts";
import { decodeSystem, type SystemToml } from "../cnb/files/system.ts";
import { TspackError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { parseToml, type TomlDocument } from "../toml.ts";
import { makeDirectory } from "./make-directory.ts";
import { noLayersMetadata } from "./no-layers-metadata.ts";
import { isSystemError, reasonOf } from "./reason.ts";
import { systemMessage } from "./system-message.ts";

/** Reads a TOML file. Throws `FILE_NOT_FOUND` (also for one that may not be read) and `INVALID_TOML`. */
export function readTomlFile(path: string): TomlDocument {
  return parseToml(readBytes(path), path);
}

function readBytes(path: string): Uint8Array {
  try {
    // A FIFO would never end; and what is far too large is refused before it is read.
    const stats = statSync(path);
    if (!stats.isFile() && !stats.isDirectory()) throw new TspackError("INVALID_TOML", `${path} is not a regular file`);
    if (stats.size > largestFile) throw new TspackError("INVALID_TOML", `${path} is larger than ${largestFile} bytes`);
    return readFileSync(path);
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new TspackError("FILE_NOT_FOUND", `open ${path}: ${systemMessage(cause)}`, { cause });
  }
}

/** No file of the specification comes near it. In bytes. */
const largestFile = 16 * 1024 * 1024;

/** Writes a file and makes the directories above it. */
export function writeTextFile(path: string, text: string): void {
  makeDirectory(dirname(path));
  writeFileSync(path, text);
}

/**
 * Reads and decodes a file that the specification names; `what` is its word in messages. Throws the
 * code of what is wrong, `failed to read <what> file: …`.
 */
export function readSpecFile<T>(path: string, what: string, decode: (document: TomlDocument) => T): T {
  try {
    return decode(readTomlFile(path));
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    throw new TspackError(cause.code, `failed to read ${what} file: ${reasonOf(cause)}`, { cause });
  }
}

/** Reads `group.toml`. Throws `FILE_NOT_FOUND`, `INVALID_TOML`, `INVALID_GROUP`. */
export function readGroup(path: string): Group {
  return readSpecFile(path, "group", decodeGroup);
}

/** Writes `group.toml`. */
export function writeGroup(path: string, group: Group): void {
  writeTextFile(path, encodeGroup(group));
}

/** Reads `plan.toml`. Throws `FILE_NOT_FOUND`, `INVALID_TOML`, `INVALID_PLAN`. */
export function readPlan(path: string): Plan {
  return readSpecFile(path, "plan", decodePlan);
}

/** Writes `plan.toml`. */
export function writePlan(path: string, plan: Plan): void {
  writeTextFile(path, encodePlan(plan));
}

/** Reads `analyzed.toml`; without the file there is a warning and nothing is known. Throws `INVALID_TOML` and the decoder's codes. */
export function readAnalyzed(path: string, logger: Logger): Analyzed {
  if (existsSync(path)) return readSpecFile(path, "analyzed", decodeAnalyzed);
  logger.warn(`No analyzed metadata found at path ${JSON.stringify(path)}`);
  return { metadata: noLayersMetadata };
}

/** Writes `analyzed.toml`. */
export function writeAnalyzed(path: string, analyzed: Analyzed, logger: Logger): void {
  logger.debug("Run image info in analyzed metadata is: ");
  logger.debug(JSON.stringify(analyzed.runImage ?? null));
  writeTextFile(path, encodeAnalyzed(analyzed));
}

/** Reads `order.toml` for the detector. Throws `FILE_NOT_FOUND`, `INVALID_TOML`, `INVALID_ORDER`. */
export function readOrder(path: string): OrderFile {
  return initializing("reading order", () => readSpecFile(path, "order", decodeOrder));
}

/** Reads `system.toml` for the detector; undefined without the file. Throws `INVALID_TOML`, `INVALID_ORDER`. */
export function readSystem(path: string, logger: Logger): SystemToml | undefined {
  if (existsSync(path)) return initializing("reading system", () => readSpecFile(path, "system", decodeSystem));
  logger.debug(`No system buildpacks found at path ${JSON.stringify(path)}`);
  return undefined;
}

function initializing<T>(step: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    const message = `failed to initialize detector: ${step}: ${cause.message}`;
    throw new TspackError(cause.code, message, { cause: cause.cause ?? cause, hint: cause.hint });
  }
}
