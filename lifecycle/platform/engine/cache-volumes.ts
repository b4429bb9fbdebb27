import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../../errors.ts";
import { type ImageRef, refIdentifier, refName } from "../../oci/reference.ts";
import type { Places } from "../places.ts";
import { readIfThere } from "../private-file.ts";

/** What a volume of an application is for. */
export type CachePurpose = "build" | "launch" | "kaniko";

/**
 * The name of an application's cache volume, in the form that people know from pack:
 * `pack-cache-<repository>_<tag>-<hash>.build`. The key keeps the caches of several people on one
 * engine apart.
 */
export function cacheVolumeName(image: ImageRef, purpose: CachePurpose, key: string): string {
  const readable = `${image.repository.replaceAll("/", "_")}_${refIdentifier(image)}`.replaceAll(":", "_");
  const hash = createHash("sha256")
    .update(refName(image) + key)
    .digest("hex")
    .slice(0, 12);
  return `pack-cache-${readable}-${hash}.${purpose}`;
}

/**
 * The key of this person's cache volumes, made at first use. `given` is `PACK_VOLUME_KEY`, which
 * builds in containers set so that they find their caches again.
 */
export async function volumeKey(file: string, given: string | undefined): Promise<string> {
  if (given !== undefined && given !== "") return given;
  const known = await readKey(file);
  if (known !== undefined) return known;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Its name comes when it is whole: another build may look for it in this moment.
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, `${randomBytes(16).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  try {
    await link(draft, file);
  } catch (error) {
    // Another build has made it first.
    if (errorCode(error) !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
  return (await readKey(file)) ?? "";
}

/** The key as `volumeKey` has it, or undefined as long as nobody has used one: none is made. */
export async function knownVolumeKey(file: string, given: string | undefined): Promise<string | undefined> {
  return given !== undefined && given !== "" ? given : readKey(file);
}

/** Where this person's key is, beside the settings. */
export function volumeKeyFile({ config }: Pick<Places, "config">): string {
  return join(dirname(config), "volume-key");
}

/** Marks cache volumes of ours; its value says whose they are. */
export const cacheLabel = "dev.tspack.cache";

/** The label of a person's cache volumes. The key itself does not leave this machine: it names other people's caches. */
export function cacheLabels(key: string): Readonly<Record<string, string>> {
  return { [cacheLabel]: createHash("sha256").update(`owner ${key}`).digest("hex").slice(0, 16) };
}

async function readKey(file: string): Promise<string | undefined> {
  return (await readIfThere(file))?.trim();
}
