import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import { InputError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import type { ExtendedRunImage } from "../../phases/export/extended-run-image.ts";
import { extend } from "../../phases/extend.ts";
import { readAnalyzed, writeAnalyzed } from "../../phases/files.ts";
import { updateBaseImages } from "../../phases/restore.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { Context } from "../../context.ts";
import type { Builder } from "../builder/builder.ts";
import type { BuilderChanges } from "../buildpacks/builder-changes.ts";
import { builderContents } from "../buildpacks/contents.ts";
import { moduleName } from "../buildpacks/module.ts";

/** What image extensions of a group are applied to. */
export interface ExtendImagesInputs {
  readonly features: PlatformFeatures;
  readonly extensions: readonly GroupElement[];
  readonly builder: Builder;
  readonly changes: BuilderChanges | undefined;
  /** As the analyzer wrote it. */
  readonly analyzed: Analyzed;
  /** The layers directory on this machine, whose entries have been checked for links. */
  readonly layersDir: string;
}

/** What extensions did. */
export interface ExtendedImages {
  readonly analyzed: Analyzed;
  /** With the environment that Dockerfiles of the build image set. */
  readonly builder: Builder;
  readonly extendedRunImage: ExtendedRunImage | undefined;
}

/**
 * Applies the Dockerfiles that the detector let extensions generate: another run image (`FROM`) and
 * changes of the configuration. Platform specification, restorer and extender. Throws `EXTEND_FAILED`
 * with every instruction that would have to be executed, `IMAGE_NOT_FOUND`, `DETECT_ERROR`.
 */
export async function extendImages(
  inputs: ExtendImagesInputs,
  { images, ctx }: { readonly images: ImageSource; readonly ctx: Context },
): Promise<ExtendedImages> {
  const { features, extensions, builder, layersDir } = inputs;
  if (extensions.length === 0)
    return { analyzed: inputs.analyzed, builder: inputs.builder, extendedRunImage: undefined };
  checkExtensions(inputs);
  const file = join(layersDir, "analyzed.toml");
  // Only what extensions decide is taken over: buildpacks could have written the file, too.
  const switched: Analyzed = { ...inputs.analyzed, runImage: readAnalyzed(file, ctx.logger).runImage };
  let base: Image | undefined;
  const keep = (image: Image): Promise<void> => Promise.resolve(void (base = image));
  const analyzed = await updateBaseImages(
    { features, analyzed: switched, buildImage: undefined, hasExtensions: true, layoutDir: undefined },
    { images, registries: images, keep, ctx },
  );
  writeAnalyzed(file, analyzed, ctx.logger);
  const of = { features, extensions, generatedDir: join(layersDir, "generated") };
  const ports = { buildId: randomUUID, ctx };
  const build = await extend({ ...of, kind: "build" }, { ...ports, base: () => Promise.resolve(configOf(builder)) });
  const run = base;
  const extended =
    run === undefined
      ? undefined
      : await extend({ ...of, kind: "run" }, { ...ports, base: () => Promise.resolve(run) });
  return {
    analyzed,
    builder: build.image === undefined ? builder : { ...builder, env: await environmentOf(build.image) },
    extendedRunImage: extended?.image === undefined ? undefined : await withoutLayers(extended.image),
  };
}

/** A buildpack that writes `group.toml` must not get to name the run image. */
function checkExtensions({ extensions, changes, builder }: ExtendImagesInputs): void {
  const order = changes?.orderExtensions ?? builderContents(builder).order.orderExtensions;
  const known = order.flatMap(({ group }) => group.map(moduleName));
  const issues = extensions
    .map(moduleName)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      source: "group.toml",
      path: "group-extensions",
      expected: known.length === 0 ? "none, as the builder has no order of extensions" : `one of ${known.join(", ")}`,
      got: name,
    }));
  if (issues.length === 0) return;
  throw new InputError("DETECT_ERROR", "the group has extensions that nobody asked for", issues, {
    hint: "a buildpack of the builder changed the detector's result; report it to its authors",
  });
}

/** What Dockerfiles of the build image can change here: its environment. */
function configOf({ env, user }: Builder): Image {
  const config = {
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    User: `${user.uid}:${user.gid}`,
  };
  return imageFromParts({ format: "oci", layers: [], config: { ...machinePlatform(), config } });
}

async function environmentOf(image: Image): Promise<Readonly<Record<string, string>>> {
  const lines = (await image.config()).value.config?.Env ?? [];
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** Nothing here makes layers, so all of them are the run image's. */
async function withoutLayers(image: Image): Promise<ExtendedRunImage> {
  return { image, present: (await image.layers()).map(() => false) };
}
