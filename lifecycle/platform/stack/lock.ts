import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { decode, parseJson, type TableReader } from "../../decode.ts";
import { errorCode, TspackError } from "../../errors.ts";
import type { DebianPackage } from "../debian/package-index.ts";
import type { StackFile } from "./stack-file.ts";

/** A package pinned to its bytes. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Name and version of its source package. */
  readonly source: string;
  /** The lowest image that has it; the build image has those of the run image too. */
  readonly image: "run" | "build";
  readonly archive: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** What a stack is made of, exactly: the same lock gives the same images. */
export interface StackLock {
  readonly version: 1;
  readonly stack: string;
  readonly arch: string;
  /** What of stack.toml decides about packages, as a digest: tells a lock of another list. */
  readonly request: string;
  /** When the archive was published that the versions are from. RFC 3339. */
  readonly released: string;
  /** Sorted by image (run first) and name. */
  readonly packages: readonly LockedPackage[];
}

/** Which packages a stack file asks for, as a digest. */
export function requestDigest(stack: StackFile): string {
  const { packages, suites, components, pins } = stack;
  // Without pins as before there were any, so that locks of then stay good.
  const request = { packages, suites, components, ...(pins.length > 0 && { pins }) };
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}

/** The name of the file that a stack's lock is kept in. */
export function lockName(stack: StackFile, arch: string): string {
  return `${stack.id}-${arch}-${requestDigest(stack).slice(0, 12)}.lock`;
}

/** A package of an index as the lock has it. */
export function lockPackage(each: DebianPackage, image: LockedPackage["image"]): LockedPackage {
  const { name, version, architecture, source, archive, path, size, sha256 } = each;
  return { name, version, architecture, source, image, archive, path, size, sha256 };
}

/** A lock's text: one line per package, so that two locks can be compared. */
export function lockText(lock: StackLock): string {
  const { packages, ...head } = lock;
  const fields = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const lines = packages.map((each) => `    ${JSON.stringify(each)}`).join(",\n");
  return `{\n${fields.join("")}  "packages": [\n${lines}\n  ]\n}\n`;
}

/** Writes a lock, whole or not at all. */
export async function writeLock(path: string, lock: StackLock): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${randomUUID()}.partial`;
  await writeFile(partial, lockText(lock));
  await rename(partial, path);
}

/**
 * Reads a lock; undefined when there is none. Throws `INVALID_JSON`, and `INVALID_STACK` for a
 * lock that is damaged or was made for another stack, architecture or list of packages.
 */
export async function readLock(path: string, stack: StackFile, arch: string): Promise<StackLock | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const hint = "run `tspack stack create --update` to make it anew";
  const lock = decode(parseJson(text, path), { code: "INVALID_STACK", source: path, hint }, readLockTable);
  const differences = [
    lock.stack !== stack.id && `of the stack ${lock.stack}`,
    lock.arch !== arch && `for ${lock.arch}`,
    lock.request !== requestDigest(stack) && "of another list of packages or suites",
  ].filter((each) => each !== false);
  if (differences.length === 0) return lock;
  throw new TspackError("INVALID_STACK", `${path} is ${differences.join(", ")}`, { hint });
}

function readLockTable(root: TableReader): StackLock {
  if (root.integer("version") !== 1) root.issue("version", "1, the only form that is known");
  return {
    version: 1,
    stack: root.requiredString("stack"),
    arch: root.requiredString("arch"),
    request: root.requiredString("request"),
    released: root.requiredString("released"),
    packages: root.tables("packages").map(readPackage),
  };
}

function readPackage(table: TableReader): LockedPackage {
  const image = table.string("image");
  if (image !== "run" && image !== "build") table.issue("image", '"run" or "build"');
  const sha256 = table.requiredString("sha256");
  if (!/^[0-9a-f]{64}$/.test(sha256)) table.issue("sha256", "64 lower-case hexadecimal digits");
  const path = table.requiredString("path");
  if (/^\/|(^|\/)\.\.(\/|$)|[?#\\]/.test(path)) table.issue("path", "a path below the archive's root");
  return {
    name: table.requiredString("name"),
    version: table.requiredString("version"),
    architecture: table.requiredString("architecture"),
    source: table.requiredString("source"),
    image: image === "build" ? "build" : "run",
    archive: table.requiredString("archive"),
    path,
    size: table.integer("size") ?? 0,
    sha256,
  };
}
