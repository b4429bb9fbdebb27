import { dirname } from "node:path";
import type { BuilderSource, BuilderToml } from "../../cnb/files/builder-toml.ts";
import { decodeBuilderToml } from "../../cnb/files/builder-toml.ts";
import { InputError, type InputIssue, TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { readTomlFile } from "../../phases/files.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import type { PullPolicy } from "../build/request.ts";
import { dependencyLocation, distinct, loadModules } from "../buildpacks/load-modules.ts";
import { allOf, type BuildModule, type ModuleKind, type ModulePorts } from "../buildpacks/module.ts";
import { targetPlatforms } from "../buildpacks/read-platform.ts";
import { modulePorts } from "../buildpacks/requested-changes.ts";
import type { Tools } from "../tools.ts";
import { type BuilderLifecycle, namedLifecycle, ownLifecycle } from "./builder-lifecycle.ts";
import { createBuilder } from "./create-builder.ts";
import { defaultNames } from "./default-builder.ts";
import { defaultStackFile, type LocalParts, localParts, localSources, localStack } from "./local-parts.ts";

/** How a builder is made of its file. */
export interface BuilderOfToml {
  /** The `builder.toml`. */
  readonly file: string;
  readonly mirror?: string | undefined;
  /** Of the images; this machine's when absent. */
  readonly platform?: Platform | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** When images in registries are asked for again. */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Name of the index in which ids are looked up. */
  readonly buildpackRegistry?: string | undefined;
}

/** The platforms that a `builder.toml` names in `[[targets]]`. Throws `INVALID_BUILDER`. */
export function builderTargets(file: string): readonly Platform[] {
  return targetPlatforms(decodeBuilderToml(readTomlFile(file)).targets);
}

/**
 * Makes the builder of a `builder.toml`; parts that it leaves out are the default ones. Throws
 * `INVALID_BUILDER`, `IMAGE_NOT_FOUND`, and what its buildpacks, stack and lifecycle throw.
 */
export async function builderOfToml(
  tools: Tools,
  { file, mirror, platform, labels, pullPolicy, buildpackRegistry }: BuilderOfToml,
): Promise<Image> {
  const definition = decodeBuilderToml(readTomlFile(file));
  const target = platform ?? machinePlatform();
  const ports = await modulePorts(tools, { pullPolicy, platform: target, buildpackRegistry });
  const buildpacks = await modulesOf(definition.buildpacks, "buildpack", file, ports);
  const extensions = await modulesOf(definition.extensions, "extension", file, ports);
  const { buildImage, lifecycle } = await partsOf(definition, file, target, mirror, tools, ports);
  await checkImage(buildImage, definition, target);
  const { runImages, order, orderExtensions, system, buildEnv, description } = definition;
  return createBuilder(
    {
      description,
      buildImage,
      platform: target,
      runImages: runImages.length === 0 ? [{ image: defaultNames.run, mirrors: [] }] : runImages,
      buildpacks,
      extensions,
      order,
      orderExtensions,
      system,
      buildEnv,
      lifecycle,
      labels,
    },
    ports.blobs,
    tools.ctx,
  );
}

/** Gets what `[[buildpacks]]` or `[[extensions]]` name. Throws `INVALID_BUILDER` when one is not what the file says. */
export async function modulesOf(
  sources: readonly BuilderSource[],
  kind: ModuleKind,
  file: string,
  ports: ModulePorts,
): Promise<readonly BuildModule[]> {
  const issues: InputIssue[] = [];
  const modules: BuildModule[] = [];
  for (const [index, source] of sources.entries()) {
    const at = `${kind}s[${index}]`;
    const scope = { baseDir: dirname(file), known: [], source: `${file}: ${at}` };
    const set = await loadModules(dependencyLocation(source, scope), kind, scope, ports);
    const own = set.main.descriptor;
    for (const key of ["id", "version"] as const) {
      const said = source[key];
      if (said === undefined || said === own[key]) continue;
      issues.push({ source: file, path: `${at}.${key}`, expected: `${own[key]}, as it says itself`, got: said });
    }
    modules.push(...allOf(set));
  }
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", `the file names other ${kind}s than there are`, issues);
  return distinct(modules);
}

interface Parts {
  readonly buildImage: Image;
  readonly lifecycle: BuilderLifecycle;
}

async function partsOf(
  definition: BuilderToml,
  file: string,
  platform: Platform,
  mirror: string | undefined,
  tools: Tools,
  ports: ModulePorts,
): Promise<Parts> {
  const named = await namedLifecycle(definition.lifecycle, dirname(file), platform, ports);
  const sources = { ...localSources(tools, mirror), ...archOf(platform) };
  const stackFile = defaultStackFile(sources);
  const needsStack = definition.buildImage === undefined || definition.runImages.length === 0;
  const { ctx, local } = tools;
  const parts: Partial<LocalParts> =
    named === undefined
      ? await localParts(sources, stackFile, ports.blobs, ctx)
      : needsStack
        ? { stack: await localStack(sources, stackFile, {}, ports.blobs, ctx) }
        : {};
  // That of another machine would take the place of the one that is run here.
  if (
    definition.runImages.length === 0 &&
    parts.stack !== undefined &&
    sources.arch === localSources(tools, mirror).arch
  )
    await local.write(parts.stack.run, [parseReference(defaultNames.run)], { ctx });
  const lifecycle = named ?? (parts.lifecycle === undefined ? undefined : ownLifecycle(parts.lifecycle));
  const buildImage = await buildImageOf(definition, file, platform, parts.stack?.build, ports);
  if (lifecycle === undefined) throw new Error("a builder needs a lifecycle");
  return { buildImage, lifecycle };
}

function archOf({ architecture }: Platform): { readonly arch: "amd64" | "arm64" } {
  if (architecture === "amd64" || architecture === "arm64") return { arch: architecture };
  throw new TspackError("INVALID_BUILDER", `there is no lifecycle for ${architecture}`, {
    hint: "name one with [lifecycle] uri in builder.toml; tspack's own is for amd64 and arm64",
  });
}

async function buildImageOf(
  { buildImage }: BuilderToml,
  file: string,
  platform: Platform,
  own: Image | undefined,
  { images }: ModulePorts,
): Promise<Image> {
  const image =
    buildImage === undefined
      ? own
      : await images.resolve(parseReference(buildImage, `${file}: build.image`), { platform });
  if (image !== undefined) return image;
  throw new TspackError("IMAGE_NOT_FOUND", `the build image ${buildImage} of ${file} was not found`, {
    hint: "tspack images list shows the local ones; without [build] image it is that of the default stack",
  });
}

/** What the file says of its base and what the base says of itself have to agree. */
async function checkImage(image: Image, { stackId, buildImage }: BuilderToml, platform: Platform): Promise<void> {
  const { value } = await image.config();
  const own = value.config?.Labels?.["io.buildpacks.stack.id"];
  const source = buildImage ?? "the default build image";
  const issues: InputIssue[] = [];
  if (stackId !== undefined && own !== undefined && own !== stackId)
    issues.push({ source, path: "label io.buildpacks.stack.id", expected: stackId, got: own });
  if (value.architecture !== platform.architecture || value.os !== platform.os)
    issues.push({
      source,
      path: "platform",
      expected: `${platform.os}/${platform.architecture}`,
      got: `${value.os}/${value.architecture}`,
    });
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", "the build image is not the one that is needed", issues, {
      hint: `choose another with [build] image, or --target for another platform`,
    });
}
