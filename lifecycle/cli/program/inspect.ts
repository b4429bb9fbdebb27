import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack inspect`. */
export function addInspect(program: Command, host: TspackHost): void {
  const formats = ["human-readable", "json", "yaml", "toml"];
  const inspect = command(program, "inspect", "Show what an image is made of, in its registry and here")
    .alias("inspect-image")
    .argument("<image>", "name of the image, oci:DIRECTORY[:ENTRY], oci-archive:FILE or docker-archive:FILE")
    .addOption(
      new Option("-o, --output <format>", "how both sides are printed").choices(formats).default("human-readable"),
    )
    .option("--bom", "print the old, unstructured bill of materials")
    .option("--json", "print the image that is here, else that of the registry, with sizes and layers as JSON");
  action(common(inspect), host, async () => (await import("../commands/inspect.ts")).inspect);
  examples(inspect, [
    "tspack inspect hello",
    "tspack inspect --output yaml registry.example.com/team/hello",
    "tspack inspect --json oci-archive:hello.tar",
  ]);
}
