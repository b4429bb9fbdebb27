import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import {
  action,
  buildpackRegistryOption,
  collect,
  command,
  common,
  examples,
  outputOption,
  outputOptions,
  pullPolicyOption,
} from "./declare.ts";
import { publishOption } from "./shared-options.ts";

/** `tspack buildpack`. */
export function addBuildpack(program: Command, host: TspackHost): void {
  const buildpack = command(program, "buildpack", "Buildpacks: make, package and inspect them");
  examples(buildpack, [
    "tspack buildpack new my/buildpack",
    "tspack buildpack package registry.example.com/my/buildpack:1 --path buildpack --publish",
  ]);
  addNew(buildpack, host);
  addPackage(buildpack, host, "buildpack");
  addInspect(buildpack, host, "buildpack");
  addPull(buildpack, host);
  addRegister(buildpack, host);
}

function addPull(buildpack: Command, host: TspackHost): void {
  const pull = command(buildpack, "pull", "Fetch the package of a buildpack into the local store")
    .argument("<uri>", "an image, with docker:// before it or without; NAMESPACE/NAME@VERSION of a buildpack registry")
    .addOption(buildpackRegistryOption());
  action(common(pull), host, async () => (await import("../commands/buildpack-pull.ts")).pullBuildpack);
  examples(pull, [
    "tspack buildpack pull docker://registry.example.com/buildpacks/ruby:1",
    "tspack buildpack pull example/ruby@1.2.3",
    "tspack buildpack pull urn:cnb:registry:example/ruby",
  ]);
}

/** Both only say what to do: the index of a registry belongs to others, who decide. */
function addRegister(buildpack: Command, host: TspackHost): void {
  const load = () => import("../commands/buildpack-register.ts");
  const register = command(buildpack, "register", "Print where an entry in a buildpack registry is applied for")
    .argument("<image>", "name of the package in its registry")
    .addOption(buildpackRegistryOption());
  action(common(register), host, async () => (await load()).registerBuildpack);
  examples(register, ["tspack buildpack register registry.example.com/buildpacks/ruby:1"]);
  const yank = command(buildpack, "yank", "Print where an entry in a buildpack registry is taken back")
    .argument("<buildpack>", "NAMESPACE/NAME@VERSION")
    .addOption(buildpackRegistryOption())
    .option("-u, --undo", "the entry is to count again");
  action(outputOptions(yank), host, async () => (await load()).yankBuildpack);
  examples(yank, ["tspack buildpack yank example/ruby@1.2.3"]);
}

/** `tspack extension`. */
export function addExtension(program: Command, host: TspackHost): void {
  const extension = command(program, "extension", "Image extensions: package and inspect them");
  examples(extension, [
    "tspack extension package registry.example.com/my/extension:1 --path extension --publish",
    "tspack extension inspect registry.example.com/my/extension:1",
  ]);
  addPackage(extension, host, "extension");
  addInspect(extension, host, "extension");
}

function addNew(buildpack: Command, host: TspackHost): void {
  const create = command(buildpack, "new", "Make the directory of a new buildpack")
    .argument("<id>", "id of the buildpack: my/buildpack")
    .option("-a, --api <version>", "Buildpack API", "0.10")
    .option("-p, --path <directory>", "where it is made; the last part of the id when absent")
    .option("-t, --targets <target>", "OS/ARCHITECTURE[/VARIANT][:DISTRO@VERSION] (repeatable)", collect)
    .option("-V, --version <version>", "version of the buildpack", "1.0.0");
  action(outputOptions(create), host, async () => (await import("../commands/buildpack-new.ts")).createBuildpack);
  examples(create, [
    "tspack buildpack new my/buildpack",
    "tspack buildpack new my/buildpack --targets linux/amd64 --targets linux/arm64 --version 0.1.0",
  ]);
}

type Kind = "buildpack" | "extension";

function addPackage(parent: Command, host: TspackHost, kind: Kind): void {
  const article = kind === "buildpack" ? "a" : "an";
  const make = command(parent, "package", `Package ${article} ${kind} as an image or a .cnb file`)
    .argument("<name>", "name of the image, or path of the file")
    .option("-c, --config <file>", "a package.toml")
    .option("-p, --path <directory>", `the ${kind}'s directory; the working directory when absent`)
    .addOption(new Option("-f, --format <format>", "what is made").choices(["image", "file"]).default("image"))
    .addOption(publishOption())
    .addOption(outputOption())
    .option("--tag <image>", "a further name of the image (repeatable)", collect)
    .option("-l, --label <label>", "NAME=VALUE, a label of the image (repeatable)", collect)
    .option("-t, --target <target>", "OS/ARCHITECTURE[/VARIANT] (repeatable); those of the files when absent", collect)
    .addOption(pullPolicyOption())
    .addOption(buildpackRegistryOption())
    .option("--json", "print the result as JSON");
  action(common(make), host, async () => {
    const { packageBuildpack, packageExtension } = await import("../commands/buildpack-package.ts");
    return kind === "buildpack" ? packageBuildpack : packageExtension;
  });
  examples(make, [
    `tspack ${kind} package my-${kind} --path .`,
    `tspack ${kind} package my-${kind}.cnb --format file --config package.toml`,
    `tspack ${kind} package registry.example.com/${kind}s/mine:1 --publish`,
  ]);
}

function addInspect(parent: Command, host: TspackHost, kind: Kind): void {
  const inspect = command(
    parent,
    "inspect",
    `Show what the package of ${kind === "buildpack" ? "a" : "an"} ${kind} has`,
  )
    .argument(
      "<name>",
      "an image, a .cnb file, a directory, an address, or NAMESPACE/NAME@VERSION of a buildpack registry",
    )
    .option("-d, --depth <levels>", "how deep orders are shown; all levels when absent")
    .option("-r, --registry <index>", "where NAMESPACE/NAME@VERSION is looked up: a name of config registries")
    .addOption(
      new Option("-o, --output <format>", "how it is printed")
        .choices(["human-readable", "json"])
        .default("human-readable"),
    );
  action(common(inspect), host, async () => {
    const { inspectBuildpack, inspectExtension } = await import("../commands/buildpack-inspect.ts");
    return kind === "buildpack" ? inspectBuildpack : inspectExtension;
  });
  examples(inspect, [`tspack ${kind} inspect my-${kind}`, `tspack ${kind} inspect ./my-${kind}.cnb --output json`]);
}
