import { InputError, TspackError } from "../../errors.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { locate } from "../../platform/buildpacks/locate.ts";
import { packageModules } from "../../platform/buildpacks/package-module.ts";
import { allOf, type ModulePorts, moduleName } from "../../platform/buildpacks/module.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { type CommonOptions, familiarName, openToolbox, type TspackHost } from "../toolbox.ts";

/** `tspack buildpack pull`: the package of a buildpack from its registry into the local store. */
export async function pullBuildpack(
  host: TspackHost,
  [uri = ""]: readonly string[],
  options: CommonOptions & { readonly buildpackRegistry?: string },
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const ports = await modulePorts(toolbox, options);
  const ref = await imageOf(uri, ports);
  const image = await toolbox.registries.resolve(ref);
  if (image === undefined) {
    throw new TspackError("IMAGE_NOT_FOUND", `${ref.original} is not in its registry`, {
      hint: "check the name and the tag; without a tag it is latest",
    });
  }
  const modules = await packageModules(image, ref.original, "buildpack", ports);
  const { digest } = await toolbox.local.write(image, [ref], { ctx: toolbox.ctx });
  const list = allOf(modules).map(({ descriptor }) => `  ${moduleName(descriptor)}\n`);
  host.stdout(`Pulled ${familiarName(ref)}\n  digest  ${digest}\n${list.join("")}`);
}

async function imageOf(uri: string, { registry }: ModulePorts): Promise<ImageRef> {
  const location = locate({ kind: "reference", text: uri }, { baseDir: "/nonexistent", known: [], source: "<uri>" });
  if (location.kind === "image") return location.ref;
  if (location.kind === "registry" && registry !== undefined)
    return registry.find(location.id, location.version, "<uri>");
  const issue = {
    source: "<uri>",
    path: "",
    expected: "an image, or a buildpack of a registry",
    got: JSON.stringify(uri),
  };
  throw new InputError("INVALID_ARGUMENTS", "only images can be pulled", [issue]);
}
