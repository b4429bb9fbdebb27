import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { decodeBuilderToml } from "./builder-toml.ts";
import { readBuilderBuildpacks } from "./buildpack-layer.ts";
import { type Builder, openBuilder } from "./builder.ts";
import { createBuilder } from "./create-builder.ts";
import { defaultBuilder, defaultNames } from "./default-builder.ts";
import { type LocalSources, localParts } from "./local-parts.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { readTomlFile } from "../../phases/files.ts";
import { readSettings } from "../settings.ts";
import type { Tools } from "../tools.ts";

/** Where the parts of builders come from on this machine. */
export function localSources({ machine, network, places }: Tools, mirror: string | undefined): LocalSources {
  const { http, https, no } = network.proxy;
  const caFile = machine.env["SSL_CERT_FILE"] ?? machine.env["NODE_EXTRA_CA_CERTS"];
  return {
    packageRoot: machine.packageRoot,
    places,
    arch: process.arch === "arm64" ? "arm64" : "amd64",
    mirror: {
      option: mirror,
      env: machine.env["TSPACK_DEBIAN_MIRROR"],
      config: readSettings(places.config).debianMirror,
    },
    network: { caFile, httpProxy: http, httpsProxy: https, noProxy: no },
  };
}

/**
 * Opens the builder that `--builder` names: an image, `oci:PATH`, a `builder.toml`, or the default
 * one. Throws `BUILDER_NOT_FOUND`, `INVALID_BUILDER` and what making a builder throws.
 */
export async function chooseBuilder(
  tools: Tools,
  named: string | undefined,
  mirror: string | undefined,
): Promise<Builder> {
  const image = await findBuilderImage(tools, named, mirror);
  return openBuilder(named ?? defaultNames.builder, image, tools.places.rootfs, tools.ctx);
}

/**
 * The image of a builder that `--builder` names; without a name the default one, which is made at
 * first use. Throws `BUILDER_NOT_FOUND` and what making a builder throws.
 */
export async function findBuilderImage(
  tools: Tools,
  named: string | undefined,
  mirror: string | undefined,
): Promise<Image> {
  const { local, ctx, machine } = tools;
  if (named === undefined)
    return defaultBuilder({ sources: localSources(tools, mirror), store: local, blobs: await tools.blobs(), ctx });
  if (named.startsWith("oci:")) return layoutBuilder(resolve(machine.cwd, named.slice("oci:".length)));
  if (named.endsWith(".toml")) return imageOfBuilderToml(tools, resolve(machine.cwd, named), mirror);
  const image = await tools.images.resolve(parseReference(named, "--builder"));
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
export async function imageOfBuilderToml(tools: Tools, file: string, mirror: string | undefined): Promise<Image> {
  const { ctx, images, local } = tools;
  const definition = decodeBuilderToml(readTomlFile(file));
  const sources = localSources(tools, mirror);
  const blobs = await tools.blobs();
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
