import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { maybeReference } from "../../oci/reference.ts";
import { checkGroupApis } from "../../phases/buildpack-store.ts";
import { extend, type ImageKind } from "../../phases/extend.ts";
import { readAnalyzed, readGroup } from "../../phases/files.ts";
import { runBuild } from "./build.ts";
import { builderUser, dropPrivileges, ensureWritable } from "./privileges.ts";
import { invalidArguments, type PhaseRun, refuseArguments, type Session } from "./session.ts";

/**
 * `extender`: applies the Dockerfiles of image extensions to the build image, in which it then
 * builds, or to the run image, which the exporter takes over. Platform specification, extender.
 */
export const runExtend: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "arguments");
  const kind = kindOf(session);
  const { groupExtensions } = readGroup(options.group);
  checkGroupApis(groupExtensions);
  const { image } = await extend(
    { features, kind, extensions: groupExtensions, generatedDir: options.generated },
    { base: () => openBase(session, kind), buildId: randomUUID, ctx },
  );
  if (kind === "build") return buildInside(session, image);
  if (image !== undefined) await saveRunImage(session, image);
};

function kindOf({ options: { kind } }: Session): ImageKind {
  if (kind === "build" || kind === "run") return kind;
  throw invalidArguments(`resolve inputs: unknown kind ${JSON.stringify(kind)}`, "-kind is build or run");
}

/** The image of `analyzed.toml` as the restorer kept it. Throws `EXTEND_FAILED`. */
async function openBase({ options, ctx }: Session, kind: ImageKind): Promise<Image> {
  const analyzed = readAnalyzed(options.analyzed, ctx.logger);
  const reference = (kind === "build" ? analyzed.buildImage : analyzed.runImage)?.reference ?? "";
  const doing = `getting ${kind} image to extend`;
  const digest = digestIn(reference);
  const hint =
    kind === "build"
      ? "run the restorer with -build-image before"
      : "run the restorer before: analyzed.toml has to say extend = true";
  if (digest === undefined) {
    throw new TspackError("EXTEND_FAILED", `${doing}: failed to get digest for reference '${reference}'`, { hint });
  }
  const { readSparseLayout } = await import("../../stores/layout/sparse.ts");
  const directory = join(options.kanikoDir, "cache", "base", digest);
  const found = await readSparseLayout(directory);
  if (found !== undefined) return found.image;
  throw new TspackError(
    "EXTEND_FAILED",
    `${doing}: getting base image for digest '${digest}': ${directory} is not there`,
    {
      hint,
    },
  );
}

/** A reference in `analyzed.toml` is a name, or the path of a layout, with a digest. */
function digestIn(reference: string): Digest | undefined {
  const named = maybeReference(reference)?.digest;
  const ofPath = /^\/.*@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
  return named ?? (ofPath === undefined ? undefined : parseDigest(ofPath));
}

/** Leaves nothing of an earlier run beside the image: the exporter takes the only one. */
async function saveRunImage({ options, ctx }: Session, image: Image): Promise<void> {
  const { writeSparseLayout } = await import("../../stores/layout/sparse.ts");
  const directory = join(options.extended, "run");
  rmSync(directory, { recursive: true, force: true });
  ctx.logger.debug(`Saved extended run image to ${await writeSparseLayout(directory, image)}`);
}

/** The builder's part follows in the same process, as its user and with the environment of the extended image. */
async function buildInside(session: Session, image: Image | undefined): Promise<void> {
  ensureWritable(session, [session.options.layers]);
  dropPrivileges(session);
  const user = builderUser(session);
  const config = image === undefined ? undefined : (await image.config()).value.config;
  const env = Object.fromEntries((config?.Env ?? []).map(splitVariable));
  const home = session.user.uid === user.uid ? undefined : homeOf(user.uid);
  await runBuild({ ...session, user, env: { ...session.env, ...env, ...(home === undefined ? {} : { HOME: home }) } });
}

function splitVariable(line: string): readonly [string, string] {
  const equals = line.indexOf("=");
  return equals === -1 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}

/** The home of a user of this container; undefined for one that it does not know. */
function homeOf(uid: number): string | undefined {
  try {
    const accounts = readFileSync("/etc/passwd", "utf8").split("\n");
    return accounts.map((line) => line.split(":")).find((fields) => fields[2] === String(uid))?.[5];
  } catch {
    return undefined;
  }
}
