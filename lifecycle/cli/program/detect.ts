import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, buildpackRegistryOption, collect, command, common, examples, pullPolicyOption } from "./declare.ts";

/** `tspack detect`. */
export function addDetect(program: Command, host: TspackHost): void {
  const detect = command(program, "detect", "Tell which buildpacks would build an application, and build nothing")
    .option("-p, --path <source>", "the application, as of tspack build", ".")
    .option("-d, --descriptor <file>", "the project descriptor, instead of project.toml in the application")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment, for buildpacks (repeatable)", collect)
    .option("--env-file <file>", "a file with a variable per line, # for comments (repeatable)", collect)
    .option("--exec-env <environment>", "what the image would be for: production, test or another word")
    .option("-B, --builder <builder>", "a builder: image, oci:PATH, or a builder.toml; the built-in one when absent")
    .option("-b, --buildpack <buildpack>", "these instead of the builder's order (repeatable)", collect)
    .option("--pre-buildpack <buildpack>", "before the builder's order (repeatable)", collect)
    .option("--post-buildpack <buildpack>", "after the builder's order (repeatable)", collect)
    .option("--extension <extension>", "an image extension (repeatable)", collect)
    .addOption(buildpackRegistryOption())
    .option("--disable-system-buildpacks", "leave out the system buildpacks of the builder")
    .option("--mirror <url>", "Debian mirror, when the default builder has to be made")
    .option("--run-image <image>", "the run image whose system buildpacks have to fit, instead of the builder's")
    .addOption(pullPolicyOption())
    .addOption(new Option("--sandbox <way>", "how the sandbox is made").choices(["bubblewrap", "unshare"]))
    .addOption(new Option("--network <network>", "network of buildpacks").choices(["host", "none"]))
    .option("--volume <volume>", "HOST:TARGET[:OPTIONS] for buildpacks (repeatable)", collect)
    .option("--json", "print groups, results and the plan as JSON");
  action(common(detect), host, async () => (await import("../commands/detect.ts")).detect);
  examples(detect, [
    "tspack detect",
    "tspack detect --path apps/web --builder registry.example.com/builders/base --verbose",
    "tspack detect --json --buildpack ./my-buildpack",
  ]);
}
