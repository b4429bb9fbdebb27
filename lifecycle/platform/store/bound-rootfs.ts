import { existsSync } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { replaceFile } from "../private-file.ts";
import type { Tools } from "../tools.ts";
import { removeUnused } from "./remove-unused.ts";

type Ports = Pick<Tools, "places" | "ctx" | "leases">;

/** So many root file systems of default builders stay: the one in use, and that of a tspack before or after it. */
const keptBuilders = 2;

/**
 * Each version of tspack or of its stack has a default builder of its own, of some 600 MB when it is unpacked. Notes
 * the one that is used now, and removes those before the last two, unless a running tspack may be using
 * them. It fails nothing: the builder is there.
 */
export async function boundDefaultBuilders(rootfs: string, { places, ctx, leases }: Ports): Promise<void> {
  const note = join(dirname(places.rootfs), "default-builders");
  try {
    const noted = (await readFile(note, "utf8").catch(() => ""))
      .split("\n")
      .filter((name) => /^[0-9a-f]{64}$/.test(name));
    const current = basename(rootfs);
    if (noted.at(-1) === current && noted.length <= keptBuilders) return;
    const names = [...noted.filter((name) => name !== current), current];
    const [earlier, kept] = [names.slice(0, -keptBuilders), names.slice(-keptBuilders)];
    const inUseSince = await leases.earliest();
    const staying = await namesUsedSince(inUseSince, places.rootfs, earlier);
    await replaceFile(note, [...staying, ...kept].map((name) => `${name}\n`).join(""));
  } catch (error) {
    ctx.logger.debug(`Default builders that are not used any more could not be removed: ${String(error)}`);
  }
}

/**
 * Removes root file systems of builders that nobody used since a time and that no running tspack may be using. Those
 * of applications stay: one may have been running for longer than that.
 */
export async function removeBuildersUnusedSince(time: number, { places, leases }: Ports): Promise<void> {
  const inUseSince = await leases.earliest();
  const names = await readdir(places.rootfs).catch(() => []);
  const builders = names.filter((name) => existsSync(join(places.rootfs, name, "cnb/order.toml")));
  await namesUsedSince(Math.min(time, inUseSince), places.rootfs, builders);
}

/** Removes the others. */
async function namesUsedSince(time: number, directory: string, names: readonly string[]): Promise<readonly string[]> {
  const staying: string[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const used = await lstat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (used === undefined) continue;
    if (used >= time || !(await removeUnused(path, used))) staying.push(name);
  }
  return staying;
}
