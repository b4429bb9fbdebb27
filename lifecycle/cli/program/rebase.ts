import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack rebase`. */
export function addRebase(program: Command, host: TspackHost): void {
  const rebase = command(program, "rebase", "Put an image on a new base: manifest and config only, no rebuild")
    .argument("<image...>", "names of the images")
    .option("--run-image <image>", "the new run image, instead of the recorded one")
    .option("--publish", "rebase in the registry instead of the local store")
    .option("--force", "rebase even when the bases do not fit")
    .option("--json", "print what was done as JSON");
  action(common(rebase), host, async () => (await import("../commands/rebase.ts")).rebase);
  examples(rebase, [
    "tspack rebase hello",
    "tspack rebase --publish registry.example.com/team/hello --run-image registry.example.com/run:2",
  ]);
}
