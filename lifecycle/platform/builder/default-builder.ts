import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { readTomlFile } from "../../phases/files.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { ImageSink, ImageSource } from "../../stores/store.ts";
import { decodeBuilderToml } from "../../cnb/files/builder-toml.ts";
import { directoryModule } from "../buildpacks/directory-module.ts";
import { ownLifecycle } from "./builder-lifecycle.ts";
import { createBuilder } from "./create-builder.ts";
import { defaultStackFile, type LocalSources, localParts } from "./local-parts.ts";

/** Names of the default images in the local store. The host does not exist, so nobody else's image can take their place. */
export const defaultNames = { builder: "tspack.local/builder:bookworm", run: "tspack.local/run:bookworm" } as const;

/** The id of the stack that the default builder is made of. */
const defaultStack = "tspack.stacks.bookworm";

/** What made a builder, as a label of it: when it still is the same, the builder need not be made again. */
const fingerprintLabel = "dev.tspack.builder.fingerprint";

/** What the default builder is made with. */
export interface DefaultBuilderPorts {
  readonly sources: LocalSources;
  /** The local image store. */
  readonly store: ImageSource & ImageSink;
  readonly blobs: BlobCache;
  readonly ctx: Context;
}

/**
 * The builder for those who name none: the stack `bookworm`, our lifecycle and our buildpacks.
 * Made on first use and kept; after that it needs no network. Throws what its parts throw.
 */
export async function defaultBuilder({ sources, store, blobs, ctx }: DefaultBuilderPorts): Promise<Image> {
  const fingerprint = fingerprintOf(sources);
  const [builderRef, runRef] = [parseReference(defaultNames.builder), parseReference(defaultNames.run)];
  const [known, run] = await Promise.all([store.resolve(builderRef), store.resolve(runRef)]);
  if (known !== undefined && run !== undefined && (await labelOf(known, fingerprintLabel)) === fingerprint)
    return known;
  ctx.logger.info("Making the default builder; this is done once.");
  const { stack, lifecycle } = await localParts(sources, defaultStackFile(sources), blobs, ctx);
  const directory = join(sources.packageRoot, "dist/buildpacks");
  const definition = decodeBuilderToml(readTomlFile(join(directory, "builder.toml")));
  const builder = await createBuilder(
    {
      ...definition,
      buildImage: stack.build,
      platform: { os: "linux", architecture: sources.arch },
      runImages: [{ image: defaultNames.run, mirrors: [] }],
      buildpacks: await Promise.all(
        definition.buildpacks.map(({ uri = "" }) => directoryModule(join(directory, uri), "buildpack", blobs)),
      ),
      extensions: [],
      lifecycle: ownLifecycle(lifecycle),
      // The stack's lock may be new.
      labels: { [fingerprintLabel]: fingerprintOf(sources) },
    },
    blobs,
    ctx,
  );
  await store.write(stack.run, [runRef], { ctx });
  await store.write(builder, [builderRef], { ctx });
  return (await store.resolve(builderRef)) ?? builder;
}

async function labelOf(image: Image, name: string): Promise<string | undefined> {
  return (await image.config()).value.config?.Labels?.[name];
}

/** A digest of everything in this package that goes into the builder, and of the stack's lock, which updates change. */
function fingerprintOf({ packageRoot, arch, places }: LocalSources): string {
  const hash = createHash("sha256").update(arch);
  for (const name of ["stacks/bookworm", "dist/buildpacks", "dist/lifecycle-dist", `dist/native/linux-${arch}`])
    addTree(hash, packageRoot, name);
  for (const name of existsSync(places.stacks) ? readdirSync(places.stacks).sort() : [])
    if (name.startsWith(`${defaultStack}-${arch}-`) && name.endsWith(".lock")) addTree(hash, places.stacks, name);
  return `sha256:${hash.digest("hex")}`;
}

function addTree(hash: ReturnType<typeof createHash>, root: string, name: string): void {
  const path = join(root, name);
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return;
  hash.update(`${name}\0${info.mode & 0o100}\0`);
  if (info.isDirectory()) for (const child of readdirSync(path).sort()) addTree(hash, root, `${name}/${child}`);
  else if (info.isSymbolicLink()) hash.update(readlinkSync(path));
  else if (info.isFile()) hash.update(createHash("sha256").update(readFileSync(path)).digest());
}
