import { TspackError } from "../../errors.ts";
import { inputsOfEach, resolveStack, withDownloader, type CreateStackInputs } from "./create-stack.ts";
import { readLock, writeLock, type StackLock } from "./lock.ts";
import { compareLocks, type PackageChange } from "./stack-changes.ts";
import { readStackFile } from "./stack-file.ts";

/** What locks are read and made with. */
export type LockInputs = Omit<CreateStackInputs, "blobs" | "update">;

/** A lock and the file that it is in. */
export interface KeptLock {
  readonly file: string;
  readonly lock: StackLock;
}

/**
 * Takes the packages' newest versions and writes the lock of the stack, and of the stack that has
 * its build image, without making an image. Throws what `createStack` throws before it downloads.
 */
export async function writeLocks(inputs: LockInputs): Promise<readonly KeptLock[]> {
  const found = await newestLocks(inputs);
  for (const { file, lock } of found) await writeLock(file, lock);
  return found;
}

/** The locks that there are; undefined for one that was never written. Throws `INVALID_STACK`. */
export async function knownLocks(inputs: LockInputs): Promise<readonly (StackLock | undefined)[]> {
  const each = await inputsOfEach(inputs);
  return Promise.all(
    each.map(async ({ stackFile, lockFile, arch }) => {
      return lockFile === undefined ? undefined : readLock(lockFile, await readStackFile(stackFile), arch);
    }),
  );
}

/**
 * What the newest versions of the archive would change. Throws `FILE_NOT_FOUND` when the stack has
 * no lock that they could be compared with.
 */
export async function stackChanges(inputs: LockInputs): Promise<readonly PackageChange[]> {
  const known = await knownLocks(inputs);
  const missing = (await inputsOfEach(inputs)).find((_, index) => known[index] === undefined);
  if (missing !== undefined) {
    throw new TspackError("FILE_NOT_FOUND", `There is no lock of ${missing.stackFile} at ${missing.lockFile ?? ""}`, {
      hint: "`tspack stack create` makes the images with one, `tspack stack lock` writes one",
    });
  }
  const newest = await newestLocks(inputs);
  return compareLocks(
    known,
    newest.map(({ lock }) => lock),
  );
}

async function newestLocks(inputs: LockInputs): Promise<readonly KeptLock[]> {
  const each = await inputsOfEach(inputs);
  return withDownloader(inputs, (downloader) =>
    Promise.all(
      each.map(async (one) => ({
        file: one.lockFile ?? "",
        lock: await resolveStack(await readStackFile(one.stackFile), one, downloader),
      })),
    ),
  );
}
