import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples, pullPolicyOption } from "./declare.ts";
import { applicationOptions, buildpackOptions, sandboxOption, volumeOption } from "./shared-options.ts";

/** `tspack detect`. */
export function addDetect(program: Command, host: TspackHost): void {
  const detect = command(
    program,
    "detect",
    "Tell which buildpacks would build an application, and build nothing",
  ).option("-p, --path <source>", "the application, as of tspack build", ".");
  buildpackOptions(applicationOptions(detect))
    .option("--run-image <image>", "the run image whose system buildpacks have to fit, instead of the builder's")
    .addOption(pullPolicyOption())
    .addOption(sandboxOption())
    .addOption(new Option("--network <network>", "network of buildpacks").choices(["host", "none"]))
    .addOption(volumeOption())
    .option("--json", "print groups, results and the plan as JSON");
  action(common(detect), host, async () => (await import("../commands/detect.ts")).detect);
  examples(detect, [
    "tspack detect",
    "tspack detect --path apps/web --builder registry.example.com/builders/base --verbose",
    "tspack detect --json --buildpack ./my-buildpack",
  ]);
}
