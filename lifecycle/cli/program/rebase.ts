import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples, pullPolicyOption } from "./declare.ts";

/** `tspack rebase`. */
export function addRebase(program: Command, host: TspackHost): void {
  const rebase = command(program, "rebase", "Put images on a new base: manifest and config only, no rebuild")
    .argument("<image...>", "names of the images, oci:DIRECTORY[:ENTRY], oci-archive:FILE or docker-archive:FILE")
    .option("--run-image <image>", "the new run image, instead of the recorded one")
    .option("--publish", "rebase in the registry: the same as --output registry")
    .addOption(
      new Option("--output <where>", "where images are looked for and written (default: where they are)").choices([
        "local",
        "registry",
        "engine",
      ]),
    )
    .option("--force", "rebase even when the bases do not fit")
    .option("--previous-image <image>", "rebase this image, and write it under the name that is given")
    .addOption(pullPolicyOption())
    .option("--report-output-dir <directory>", "write report.toml there; with several images, below their names")
    .option("--plan", "say what would be done and why, and change nothing")
    .option("--json", "print one line of JSON per image");
  action(common(rebase), host, async () => (await import("../commands/rebase.ts")).rebase);
  examples(rebase, [
    "tspack rebase hello",
    "tspack rebase --publish registry.example.com/team/hello --run-image registry.example.com/run:2",
    "tspack rebase --publish --plan registry.example.com/team/hello registry.example.com/team/shop",
    "tspack rebase oci-archive:hello.tar --run-image registry.example.com/run:2",
  ]);
}
