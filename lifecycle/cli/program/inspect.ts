import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack inspect`. */
export function addInspect(program: Command, host: TspackHost): void {
  const inspect = command(program, "inspect", "Show what an image is made of")
    .argument("<image>", "name of the image")
    .option("--json", "print as JSON");
  action(common(inspect), host, async () => (await import("../commands/inspect.ts")).inspect);
  examples(inspect, ["tspack inspect hello", "tspack inspect --json registry.example.com/team/hello"]);
}
