import { InputError, TspackError } from "../../errors.ts";
import { locate } from "../../platform/buildpacks/locate.ts";
import { packageModules } from "../../platform/buildpacks/package-module.ts";
import { allOf, moduleName } from "../../platform/buildpacks/module.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { type CommonOptions, familiarName, openToolbox, type TspackHost } from "../toolbox.ts";

/** `tspack buildpack pull`: the package of a buildpack from its registry into the local store. */
export async function pullBuildpack(
  host: TspackHost,
  [uri = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const location = locate({ kind: "reference", text: uri }, { baseDir: "/nonexistent", known: [], source: "<uri>" });
  if (location.kind !== "image") {
    const issue = { source: "<uri>", path: "", expected: "an image", got: JSON.stringify(uri) };
    throw new InputError("INVALID_ARGUMENTS", "only images can be pulled", [issue]);
  }
  const { ref } = location;
  const image = await toolbox.registries.resolve(ref);
  if (image === undefined) {
    throw new TspackError("IMAGE_NOT_FOUND", `${ref.original} is not in its registry`, {
      hint: "check the name and the tag; without a tag it is latest",
    });
  }
  const modules = await packageModules(image, ref.original, "buildpack", await modulePorts(toolbox));
  const { digest } = await toolbox.local.write(image, [ref], { ctx: toolbox.ctx });
  const list = allOf(modules).map(({ descriptor }) => `  ${moduleName(descriptor)}\n`);
  host.stdout(`Pulled ${familiarName(ref)}\n  digest  ${digest}\n${list.join("")}`);
}
