import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { builderOfToml } from "./builder-of-toml.ts";
import { type Builder, openBuilder } from "./builder.ts";
import { defaultBuilder, defaultNames } from "./default-builder.ts";
import { localSources } from "./local-parts.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { parseReference } from "../../oci/reference.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { boundDefaultBuilders } from "../store/bound-rootfs.ts";
import type { Tools } from "../tools.ts";

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
  const name = named ?? defaultNames.builder;
  await checkPlatform(name, image);
  const builder = await openBuilder(name, image, tools.places.rootfs, tools.ctx);
  if (named === undefined) await boundDefaultBuilders(builder.rootfs, tools);
  return builder;
}

/** Its programs have to run here; seen before it is unpacked. */
async function checkPlatform(name: string, image: Image): Promise<void> {
  const { os, architecture } = (await image.config()).value;
  const own = machinePlatform();
  if (os === own.os && architecture === own.architecture) return;
  throw new TspackError(
    "INVALID_BUILDER",
    `the builder ${name} is for ${os}/${architecture}, and this machine is ${own.os}/${own.architecture}`,
    {
      hint: "take a builder for this machine, or an engine that can run it: --runner engine --platform OS/ARCHITECTURE",
    },
  );
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
  if (named.endsWith(".toml")) return builderOfToml(tools, { file: builderFile(resolve(machine.cwd, named)), mirror });
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

function builderFile(file: string): string {
  if (existsSync(file)) return file;
  throw new TspackError("BUILDER_NOT_FOUND", `there is no file ${file}`, {
    hint: "--builder takes an image's name, oci:PATH or the path of a builder.toml",
  });
}

async function layoutBuilder(path: string): Promise<Image> {
  const { readLayout } = await import("../../stores/layout/read-layout.ts");
  const image = existsSync(path) ? await readLayout(path, {}) : undefined;
  if (image !== undefined) return image;
  throw new TspackError("BUILDER_NOT_FOUND", `${path} is no OCI layout with an image`, {
    hint: "oci:PATH names a directory with oci-layout and index.json",
  });
}
