import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { decodeBuilderToml } from "../../platform/builder/builder-toml.ts";
import { readBuilderBuildpacks } from "../../platform/builder/buildpack-layer.ts";
import { type Builder, openBuilder } from "../../platform/builder/builder.ts";
import { createBuilder } from "../../platform/builder/create-builder.ts";
import { defaultBuilder, defaultNames } from "../../platform/builder/default-builder.ts";
import { type LocalSources, localParts } from "../../platform/builder/local-parts.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { readTomlFile } from "../../phases/files.ts";
import { readSettings } from "../../platform/settings.ts";
import { proxiesFrom } from "../registry-access.ts";
import type { Toolbox } from "../toolbox.ts";

/** Where the parts of builders come from on this machine. */
export function localSources({ host, places }: Toolbox, mirror: string | undefined): LocalSources {
  const { http, https, no } = proxiesFrom(host.env);
  const caFile = host.env["SSL_CERT_FILE"] ?? host.env["NODE_EXTRA_CA_CERTS"];
  return {
    packageRoot: host.packageRoot,
    places,
    arch: process.arch === "arm64" ? "arm64" : "amd64",
    mirror: { option: mirror, env: host.env["TSPACK_DEBIAN_MIRROR"], config: readSettings(places.config).debianMirror },
    network: { caFile, httpProxy: http, httpsProxy: https, noProxy: no },
  };
}

/**
 * Opens the builder that `--builder` names: an image, `oci:PATH`, a `builder.toml`, or the default
 * one. Throws `BUILDER_NOT_FOUND`, `INVALID_BUILDER` and what making a builder throws.
 */
export async function chooseBuilder(
  toolbox: Toolbox,
  named: string | undefined,
  mirror: string | undefined,
): Promise<Builder> {
  const image = await builderImage(toolbox, named, mirror);
  return openBuilder(named ?? defaultNames.builder, image, toolbox.places.rootfs, toolbox.ctx);
}

async function builderImage(toolbox: Toolbox, named: string | undefined, mirror: string | undefined): Promise<Image> {
  const { local, ctx, host } = toolbox;
  if (named === undefined)
    return defaultBuilder({ sources: localSources(toolbox, mirror), store: local, blobs: await toolbox.blobs(), ctx });
  if (named.startsWith("oci:")) return layoutBuilder(resolve(host.cwd, named.slice("oci:".length)));
  if (named.endsWith(".toml")) return imageOfBuilderToml(toolbox, resolve(host.cwd, named), mirror);
  const image = await toolbox.images.resolve(parseReference(named, "--builder"));
  if (image !== undefined) return image;
  throw new TspackError(
    "BUILDER_NOT_FOUND",
    `there is no builder ${named}, neither in the local store nor in its registry`,
    {
      hint: "tspack images list shows the local ones; without --builder the built-in one is used",
    },
  );
}

async function layoutBuilder(path: string): Promise<Image> {
  const { readLayout } = await import("../../stores/layout/read-layout.ts");
  const image = existsSync(path) ? await readLayout(path, {}) : undefined;
  if (image !== undefined) return image;
  throw new TspackError("BUILDER_NOT_FOUND", `${path} is no OCI layout with an image`, {
    hint: "oci:PATH names a directory with oci-layout and index.json",
  });
}

/** Makes the builder of a `builder.toml`; parts that it leaves out are the default ones. */
export async function imageOfBuilderToml(toolbox: Toolbox, file: string, mirror: string | undefined): Promise<Image> {
  const { ctx, images, local } = toolbox;
  const definition = decodeBuilderToml(readTomlFile(file));
  const sources = localSources(toolbox, mirror);
  const blobs = await toolbox.blobs();
  const stackFile = resolve(sources.packageRoot, "stacks/bookworm/stack.toml");
  const { stack, lifecycle } = await localParts(sources, stackFile, blobs, ctx);
  if (definition.runImages.length === 0) await local.write(stack.run, [parseReference(defaultNames.run)], { ctx });
  const buildImage =
    definition.buildImage === undefined
      ? stack.build
      : await images.resolve(parseReference(definition.buildImage, `${file}: build.image`));
  if (buildImage === undefined)
    throw new TspackError("IMAGE_NOT_FOUND", `the build image ${definition.buildImage} of ${file} was not found`);
  return createBuilder(
    {
      description: definition.description,
      buildImage,
      runImages: definition.runImages.length === 0 ? [{ image: defaultNames.run, mirrors: [] }] : definition.runImages,
      buildpacks: readBuilderBuildpacks(definition.buildpacks, dirname(file)),
      order: definition.order,
      lifecycle,
    },
    blobs,
    ctx,
  );
}
