import { isRegistryId, registryEntryPath } from "../../cnb/files/registry-entry.ts";
import { InputError, TspackError } from "../../errors.ts";
import { packageModules } from "../../platform/buildpacks/package-module.ts";
import { splitId } from "../../platform/buildpacks/locate.ts";
import { chosenRegistry } from "../../platform/buildpacks/registry-index.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { type BuildpackRegistry, readSettings } from "../../platform/settings.ts";
import { type CommonOptions, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";
import { settingsFile } from "./config.ts";

/** Options of `tspack buildpack register` and `yank`. */
export interface RegisterOptions extends CommonOptions {
  readonly buildpackRegistry?: string;
  readonly undo?: boolean;
}

/**
 * `tspack buildpack register`: the address of the form in which the index's maintainers are asked for an entry,
 * filled in. Nothing is sent from here. Throws `INVALID_ARGUMENTS` for an index that has no such form.
 */
export async function registerBuildpack(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: RegisterOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const registry = formOf(chosenRegistry(toolbox.settings, options.buildpackRegistry), options);
  const ref = imageArgument(name);
  const image = await toolbox.registries.resolve(ref);
  if (image === undefined) {
    const hint = "publish it first: tspack buildpack package NAME --publish";
    throw new TspackError("IMAGE_NOT_FOUND", `${ref.original} is not in its registry`, { hint });
  }
  const { main } = await packageModules(image, ref.original, "buildpack", await modulePorts(toolbox));
  const { id, version } = main.descriptor;
  registryEntryPath(id, "buildpack.id");
  const address = `${ref.registry}/${ref.repository}@${(await image.manifest()).digest}`;
  sayForm(host, registry, { verb: "ADD", id, version, more: `addr = "${address}"\n`, template: "add-buildpack.md" });
}

/** `tspack buildpack yank`: the same for an entry that should not be used any more. Throws `INVALID_ARGUMENTS`. */
export function yankBuildpack(
  host: TspackHost,
  [text = ""]: readonly string[],
  options: RegisterOptions,
): Promise<void> {
  const [id, version] = splitId(text);
  if (version === undefined || version === "" || !isRegistryId(id)) {
    const issue = { source: "<buildpack>", path: "", expected: "NAMESPACE/NAME@VERSION", got: JSON.stringify(text) };
    throw new InputError("INVALID_ARGUMENTS", "an entry of a registry is one version of a buildpack", [issue]);
  }
  const registry = formOf(chosenRegistry(readSettings(settingsFile(host)), options.buildpackRegistry), options);
  // The index's robot takes an entry without an address for one that is there already.
  sayForm(host, registry, { verb: options.undo === true ? "ADD" : "YANK", id, version, more: "" });
  return Promise.resolve();
}

function formOf(registry: BuildpackRegistry, { buildpackRegistry }: RegisterOptions): BuildpackRegistry {
  if (registry.type === "github" && registry.url.startsWith("https://")) return registry;
  const source = buildpackRegistry === undefined ? "default-registry" : "--buildpack-registry";
  const expected = "a registry of the type github, which takes applications as issues";
  const issue = { source, path: "", expected, got: `${registry.name}, of the type ${registry.type}` };
  throw new InputError("INVALID_ARGUMENTS", "tspack does not write into the index of a registry", [issue], {
    hint: `add the line yourself: clone ${registry.url}, commit and push`,
  });
}

interface Form {
  readonly verb: string;
  readonly id: string;
  readonly version: string;
  readonly more: string;
  readonly template?: string;
}

function sayForm(host: TspackHost, { url }: BuildpackRegistry, { verb, id, version, more, template }: Form): void {
  const address = new URL(`${url.replace(/(\.git)?\/*$/, "")}/issues/new`);
  address.searchParams.set("title", `${verb} ${id}@${version}`);
  address.searchParams.set("body", `id = "${id}"\nversion = "${version}"\n${more}`);
  if (template !== undefined) address.searchParams.set("template", template);
  host.stdout(`Open this address in a browser and send the form:\n${address.href}\n`);
}
