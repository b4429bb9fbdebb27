import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { addRegistries } from "./config-registries.ts";
import { action, collect, command, examples, listCommand, outputOptions } from "./declare.ts";

/** `tspack config`. */
export function addConfig(program: Command, host: TspackHost): void {
  const config = command(program, "config", "Settings of yours, which every command honours");
  examples(config, ["tspack config list", "tspack config default-builder registry.example.com/builders/base"]);
  const list = command(config, "list", "Show all settings").option("--json", "print as JSON");
  action(outputOptions(list), host, async () => (await import("../commands/config.ts")).listSettings);
  examples(list, ["tspack config list", "tspack config list --json"]);
  for (const row of scalars) addScalar(config, host, row);
  addExperimental(config, host);
  addRunImageMirrors(config, host);
  addRegistryMirrors(config, host);
  addTrustedBuilders(config, host);
  addRegistries(config, host);
}

/** Settings of one value: `config KEY` shows it, `config KEY VALUE` sets it, `--unset` removes it. */
const scalars = [
  ["default-builder", "builder", "the builder of those who name none", "registry.example.com/builders/base"],
  ["pull-policy", "policy", "when images are asked for again: always, if-not-present or never", "always"],
  ["lifecycle-image", "image", "the lifecycle of builders that are not trusted", "registry.example.com/lifecycle:1"],
  ["runner", "runner", "where buildpacks run: auto, engine, sandbox or in-place", "engine"],
  ["debian-mirror", "url", "the Debian mirror that stacks are made from", "https://mirror.example.com/debian"],
] as const;

/** The name of a setting of one value. */
export type ScalarSetting = (typeof scalars)[number][0];

function addScalar(
  config: Command,
  host: TspackHost,
  [name, value, description, example]: (typeof scalars)[number],
): void {
  const setting = command(config, name, `Show, set or unset ${description}`)
    .argument(`[${value}]`, "the new value; it is shown when absent")
    .option("-u, --unset", "remove the setting");
  action(outputOptions(setting), host, async () => (await import("../commands/config.ts")).scalarCommand(name));
  examples(setting, [`tspack config ${name}`, `tspack config ${name} ${example}`, `tspack config ${name} --unset`]);
}

function addExperimental(config: Command, host: TspackHost): void {
  const about =
    "Show or set whether experimental features are on: the commit of a Git working tree in the image's label";
  const experimental = command(config, "experimental", about).argument(
    "[value]",
    "true or false; it is shown when absent",
  );
  action(outputOptions(experimental), host, async () => (await import("../commands/config.ts")).experimentalCommand);
  examples(experimental, ["tspack config experimental", "tspack config experimental true"]);
}

function addRunImageMirrors(config: Command, host: TspackHost): void {
  const mirrors = command(config, "run-image-mirrors", "Other names under which run images are found");
  const load = () => import("../commands/config-lists.ts");
  examples(mirrors, ["tspack config run-image-mirrors list"]);
  const list = listCommand(mirrors, "Show the mirrors of run images").argument("[image]", "of this run image only");
  action(outputOptions(list), host, async () => (await load()).listRunImageMirrors);
  const add = command(mirrors, "add", "Add mirrors of a run image")
    .argument("<image>", "name of the run image")
    .option("-m, --mirror <image>", "another name of it (repeatable, or with commas)", collect);
  action(outputOptions(add), host, async () => (await load()).addRunImageMirrors);
  const set = command(mirrors, "set", "Set the mirrors of a run image; those it had before are forgotten")
    .argument("<image>", "name of the run image")
    .option("-m, --mirror <image>", "another name of it (repeatable, or with commas); without, it has none", collect);
  action(outputOptions(set), host, async () => (await load()).setRunImageMirrors);
  const remove = command(mirrors, "remove", "Remove mirrors of a run image")
    .argument("<image>", "name of the run image")
    .option("-m, --mirror <image>", "this mirror only (repeatable, or with commas)", collect);
  action(outputOptions(remove), host, async () => (await load()).removeRunImageMirrors);
  const name = "tspack config run-image-mirrors";
  examples(list, [`${name} list`]);
  examples(add, [`${name} add registry.example.com/run:1 --mirror mirror.example.com/run:1`]);
  examples(set, [`${name} set registry.example.com/run:1 --mirror mirror.example.com/run:1`]);
  examples(remove, [`${name} remove registry.example.com/run:1`]);
}

function addRegistryMirrors(config: Command, host: TspackHost): void {
  const mirrors = command(config, "registry-mirrors", "Registries from which base images are fetched instead").alias(
    "registry-mirror",
  );
  const load = () => import("../commands/config-lists.ts");
  const list = listCommand(mirrors, "Show the mirrors of registries");
  action(outputOptions(list), host, async () => (await load()).listRegistryMirrors);
  const add = command(mirrors, "add", "Set the mirror of a registry")
    .argument("<registry>", "HOST[:PORT] of the registry, or * for every one")
    .requiredOption("-m, --mirror <registry>", "HOST[:PORT][/PATH] of the mirror");
  action(outputOptions(add), host, async () => (await load()).addRegistryMirror);
  const remove = command(mirrors, "remove", "Remove the mirror of a registry").argument(
    "<registry>",
    "HOST[:PORT] of the registry",
  );
  action(outputOptions(remove), host, async () => (await load()).removeRegistryMirror);
  const name = "tspack config registry-mirrors";
  examples(mirrors, [`${name} list`]);
  examples(list, [`${name} list`]);
  examples(add, [
    `${name} add docker.io --mirror mirror.example.com:5000`,
    `${name} add '*' --mirror cache.example.com`,
  ]);
  examples(remove, [`${name} remove docker.io`]);
}

function addTrustedBuilders(config: Command, host: TspackHost): void {
  const trusted = command(config, "trusted-builders", "Builders that may see registry credentials").aliases([
    "trusted-builder",
    "trust-builder",
    "trust-builders",
  ]);
  const load = () => import("../commands/config-lists.ts");
  const list = listCommand(trusted, "Show the builders that are trusted");
  action(outputOptions(list), host, async () => (await load()).listTrustedBuilders);
  const add = command(trusted, "add", "Trust a builder").argument("<builder>", "name of the builder");
  action(outputOptions(add), host, async () => (await load()).addTrustedBuilder);
  const remove = command(trusted, "remove", "Trust a builder no longer").argument("<builder>", "name of the builder");
  action(outputOptions(remove), host, async () => (await load()).removeTrustedBuilder);
  const name = "tspack config trusted-builders";
  examples(trusted, [`${name} list`]);
  examples(list, [`${name} list`]);
  examples(add, [`${name} add registry.example.com/builders/base`]);
  examples(remove, [`${name} remove registry.example.com/builders/base`]);
}
