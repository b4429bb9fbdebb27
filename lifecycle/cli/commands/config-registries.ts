import { chosenRegistry, registryAddress } from "../../platform/buildpacks/registry-index.ts";
import { type BuildpackRegistry, officialRegistry, readSettings } from "../../platform/settings.ts";
import { editSettings } from "../../platform/settings/edit-settings.ts";
import { fields } from "../../toml.ts";
import type { CommonOptions, TspackHost } from "../toolbox.ts";
import { say, settingsFile, type ScalarOptions, unsetAndSet, wrongValue } from "./config.ts";

/** `tspack config registries list`: `-v` shows addresses, too. */
export function listBuildpackRegistries(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions,
): Promise<void> {
  const { buildpackRegistries, defaultRegistry = officialRegistry.name } = readSettings(settingsFile(host));
  const rows = [...buildpackRegistries, officialRegistry].map(({ name, url }) => {
    const row = `${name === defaultRegistry ? "*" : " "} ${name}`;
    return options.verbose === true ? `${row.padEnd(12)} ${url}\n` : `${row}\n`;
  });
  host.stdout(rows.join(""));
  return Promise.resolve();
}

/** Options of `tspack config registries add`. */
export interface AddRegistryOptions extends CommonOptions {
  readonly default?: boolean;
  readonly type: BuildpackRegistry["type"];
}

const registriesKey = (all: readonly BuildpackRegistry[]) => ({
  registries: all.length === 0 ? undefined : all.map(({ name, type, url }) => fields({ name, type, url })),
});

/** `tspack config registries add NAME URL`. Throws `INVALID_ARGUMENTS`. */
export async function addBuildpackRegistry(
  host: TspackHost,
  [name = "", url = ""]: readonly string[],
  options: AddRegistryOptions,
): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw wrongValue("name", "letters, digits, dots and dashes", name);
  registryAddress(url, "url");
  await editSettings(settingsFile(host), ({ buildpackRegistries: all }) => {
    if ([officialRegistry, ...all].some((one) => one.name === name))
      throw wrongValue("name", "one that no registry has yet", name);
    const added = registriesKey([...all, { name, url, type: options.type }]);
    return options.default === true ? { ...added, "default-registry": name } : added;
  });
  say(
    host,
    options,
    `Buildpacks can be looked up in ${name}${options.default === true ? ", which is the default" : ""}`,
  );
}

/** `tspack config registries remove NAME`. Throws `INVALID_ARGUMENTS`. */
export async function removeBuildpackRegistry(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  await editSettings(settingsFile(host), ({ buildpackRegistries: all, defaultRegistry }) => {
    if (!all.some((one) => one.name === name))
      throw wrongValue("name", "a registry that was added; the official one always is there", name);
    const left = registriesKey(all.filter((one) => one.name !== name));
    return defaultRegistry === name ? { ...left, "default-registry": undefined } : left;
  });
  say(host, options, `Removed the buildpack registry ${name}`);
}

/** `tspack config registries default [NAME]`. Throws `INVALID_ARGUMENTS`. */
export async function defaultBuildpackRegistry(
  host: TspackHost,
  [given]: readonly string[],
  options: ScalarOptions,
): Promise<void> {
  if (options.unset === true && given !== undefined) throw unsetAndSet("default registry", given);
  const file = settingsFile(host);
  if (given === undefined && options.unset !== true) {
    const { defaultRegistry = officialRegistry.name } = readSettings(file);
    return host.stdout(`The default buildpack registry is ${defaultRegistry}\n`);
  }
  await editSettings(file, (settings) => {
    if (given === undefined || given === officialRegistry.name) return { "default-registry": undefined };
    if (!settings.buildpackRegistries.some(({ name }) => name === given))
      throw wrongValue("name", "a registry of config registries list", given);
    return { "default-registry": given };
  });
  const { name } = chosenRegistry(readSettings(file), undefined);
  say(host, options, `The default buildpack registry is now ${name}`);
}
