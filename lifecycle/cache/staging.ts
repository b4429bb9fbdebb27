import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Milliseconds after which a staging directory belongs to no living build. */
const maxAge = 24 * 60 * 60 * 1000;

/** A staging directory's name; two builds that share a cache must not share it. */
export function stagingName(): string {
  return `staging-${randomBytes(6).toString("hex")}`;
}

/** The staging directories that killed builds left, by name. */
export async function staleStaging(dir: string, now: Date): Promise<readonly string[]> {
  const names = (await readdir(dir)).filter((name) => name.startsWith("staging-"));
  const ages = await Promise.all(names.map((name) => ageOf(join(dir, name), now)));
  return names.filter((_, index) => (ages[index] ?? 0) > maxAge);
}

async function ageOf(path: string, now: Date): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => now.getTime() - mtimeMs,
    // Another build just removed it.
    () => 0,
  );
}
