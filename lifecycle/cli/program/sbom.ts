import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack sbom`. */
export function addSbom(program: Command, host: TspackHost): void {
  const sbom = command(program, "sbom", "Bills of materials of images");
  examples(sbom, ["tspack sbom download hello --output-dir sboms"]);
  const download = command(sbom, "download", "Write the bills of materials of an image into a directory")
    .argument("<image>", "name of the image, oci:DIRECTORY[:ENTRY], oci-archive:FILE or docker-archive:FILE")
    .option("-o, --output-dir <directory>", "where layers/sbom/ is made", ".")
    .option("--remote", "take the image of the registry, whatever is here");
  action(common(download), host, async () => (await import("../commands/sbom.ts")).downloadSbom);
  examples(download, [
    "tspack sbom download hello --output-dir sboms",
    "tspack sbom download --remote registry.example.com/team/hello",
  ]);
}
