import { chmod, cp, lstat, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { errorCode, TspackError } from "../../errors.ts";
import type { BuilderAddition } from "../buildpacks/additions.ts";
import { removeTree } from "../rootfs.ts";

/** What the detector is told instead of the builder's own files. */
const flags: Readonly<Record<string, string>> = { "/cnb/order.toml": "-order", "/cnb/system.toml": "-system" };

const refused = ["EACCES", "EROFS", "EPERM"];

/**
 * Does work while additions are in this container: new directories of buildpacks are copied to where
 * builders have them and removed afterwards; orders are handed over as `flags`. The container's own
 * files stay as they are, since others may be using them. `root` is the container's. Throws
 * `INVALID_ARGUMENTS` for what is there already and where nothing can be written.
 */
export async function withAdditions<T>(
  additions: readonly BuilderAddition[],
  root: string,
  work: (detectorFlags: readonly string[]) => Promise<T>,
): Promise<T> {
  if (additions.length === 0) return work([]);
  const made: string[] = [];
  try {
    const files = await mkdtemp(join(tmpdir(), "tspack-order-"));
    made.push(files);
    // The builder's user reads them, whoever made them.
    await chmod(files, 0o755);
    const detectorFlags: string[] = [];
    for (const { source, target } of additions) {
      const flag = flags[target];
      if (flag === undefined) await copyModule(source, target, root, made);
      else {
        await cp(source, join(files, basename(target)));
        detectorFlags.push(flag, join(files, basename(target)));
      }
    }
    return await work(detectorFlags);
  } finally {
    for (const path of made.toReversed()) await removeTree(path);
  }
}

async function copyModule(source: string, target: string, root: string, made: string[]): Promise<void> {
  const path = join(root, target);
  if (await isThere(path))
    throw new TspackError("INVALID_ARGUMENTS", `this container has a ${target} of its own, which stays as it is`, {
      hint: "give the buildpack another version, or name that of the builder by its id",
    });
  try {
    await makeParents(dirname(path), made);
    made.push(path);
    await cp(source, path, { recursive: true, verbatimSymlinks: true });
  } catch (cause) {
    if (!refused.includes(errorCode(cause) ?? "")) throw cause;
    throw new TspackError("INVALID_ARGUMENTS", `${target} can not be written in this container`, {
      cause,
      hint: "--runner in-place adds buildpacks where /cnb is writable; else make a builder with them (tspack builder create)",
    });
  }
}

/** One by one: all at once, Node says of a read-only disk that a directory is missing. */
async function makeParents(path: string, made: string[]): Promise<void> {
  if (await isThere(path)) return;
  await makeParents(dirname(path), made);
  await mkdir(path);
  await chmod(path, 0o755);
  made.push(path);
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
