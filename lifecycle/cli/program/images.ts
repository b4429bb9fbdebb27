import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack images`. */
export function addImages(program: Command, host: TspackHost): void {
  const images = command(program, "images", "The local image store");
  const list = command(images, "list", "List the images in the local store").option("--json", "print as JSON");
  action(common(list), host, async () => (await import("../commands/images.ts")).listImages);
  const remove = command(images, "rm", "Remove names from the local store").argument(
    "<image...>",
    "names of the images",
  );
  action(common(remove), host, async () => (await import("../commands/images.ts")).removeImages);
  examples(list, ["tspack images list", "tspack images list --json"]);
  examples(remove, ["tspack images rm hello registry.example.com/team/hello:old"]);
  examples(images, ["tspack images list", "tspack images rm hello"]);
}
