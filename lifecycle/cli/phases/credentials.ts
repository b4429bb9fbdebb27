import { readAnalyzed } from "../../phases/files.ts";
import { silentLogger } from "../../logger.ts";
import { maybeReference } from "../../oci/reference.ts";
import type { Keychain } from "../../stores/store.ts";
import { hostCertificates, type HostCertificates } from "../../stores/registry/host-certificates.ts";
import { exposedCredentials } from "../../platform/runners/exposed-credentials.ts";
import { certificateDirectories } from "../../stores/docker-places.ts";
import { keychainFrom } from "../registry-access.ts";
import { declaredRunImages } from "./run-images.ts";
import type { Session } from "./session.ts";

/** What a phase identifies itself with. */
export interface Credentials {
  readonly keychain: Keychain;
  readonly certificates: HostCertificates;
}

/**
 * The keychain and the certificates of a phase, asked beforehand for every registry that its
 * inputs name. Root can read files and start helpers that the builder's user can not, and after
 * `dropPrivileges` it is too late; and nothing that a buildpack writes has a say in what was read
 * before it ran.
 */
export async function readCredentials(session: Session): Promise<Credentials> {
  const keychain = keychainFrom(session.env, session.ctx);
  const certificates = hostCertificates(certificateDirectories(session.env));
  if (session.user.uid !== 0 && session.phase !== "create") return { keychain, certificates };
  const registries = new Set(imageNames(session).flatMap((name) => maybeReference(name)?.registry ?? []));
  // Both keep their answers. A failure is told when that registry is really used.
  await Promise.allSettled([...registries].flatMap((registry) => [keychain.resolve(registry), certificates(registry)]));
  return { keychain, certificates };
}

function imageNames(session: Session): readonly string[] {
  const { args, options } = session;
  const { runImage, image, previousImage, cacheImage, buildImage, tag } = options;
  return [
    ...args,
    ...tag,
    runImage,
    image,
    previousImage,
    cacheImage,
    buildImage,
    ...declared(session),
    ...analyzed(session),
  ];
}

/** Files that are broken are told of where they are read for good. */
function declared(session: Session): readonly string[] {
  const quiet = { ...session, ctx: { ...session.ctx, logger: silentLogger } };
  return attempt(() => declaredRunImages(quiet).images.flatMap(({ image, mirrors }) => [image, ...mirrors])) ?? [];
}

function analyzed({ phase, options }: Session): readonly string[] {
  if (phase !== "export" && phase !== "restore") return [];
  const found = attempt(() => readAnalyzed(options.analyzed, silentLogger));
  return [found?.runImage?.reference, found?.previousImage?.reference].filter((name) => name !== undefined);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Warns of credentials that buildpacks of this very container could read. To be called when privileges are dropped. */
export function warnOfExposedCredentials({ env, ctx }: Session): void {
  // The starter has taken the variable out of this process, whose guard it loaded; without it the variable is there.
  for (const exposed of exposedCredentials(env, { guarded: false })) ctx.logger.warn(exposed);
}
