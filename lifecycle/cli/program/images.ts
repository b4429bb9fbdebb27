import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack images`. */
export function addImages(program: Command, host: TspackHost): void {
  const images = command(program, "images", "The local image store");
  const list = command(images, "list", "List the images in the local store")
    .option("--docker-host <address>", "those of this container engine, too; inherit for that of DOCKER_HOST")
    .option("--json", "print as JSON");
  action(common(list), host, async () => (await import("../commands/images.ts")).listImages);
  examples(list, ["tspack images list", "tspack images list --json", "tspack images list --docker-host inherit"]);
  const remove = command(images, "rm", "Remove names from the local store")
    .argument("<image...>", "names of the images")
    .option("--docker-host <address>", "from this container engine instead; inherit for that of DOCKER_HOST");
  action(common(remove), host, async () => (await import("../commands/images.ts")).removeImages);
  examples(remove, ["tspack images rm hello", "tspack images rm --docker-host inherit hello:v1 hello:v2"]);
  addPrune(images, host);
  addFiles(images, host);
  addRegistries(images, host);
  examples(images, ["tspack images list", "tspack images rm hello", "tspack images export hello --output hello.tar"]);
}

function addPrune(images: Command, host: TspackHost): void {
  const prune = command(images, "prune", "Remove what no name leads to any more, and nobody uses")
    .option("--older-than <time>", "only what was not used for so long: 90s, 15m, 12h, 30d", "1h")
    .option("--dry-run", "tell what would be removed")
    .option("--json", "print as JSON");
  action(common(prune), host, async () => (await import("../commands/images.ts")).pruneImages);
  examples(prune, ["tspack images prune", "tspack images prune --older-than 0s --dry-run"]);
}

function addFiles(images: Command, host: TspackHost): void {
  const save = command(images, "export", "Write an image into a file that other tools read")
    .argument("<image...>", "name of the image, and further names for it in the file")
    .requiredOption("-o, --output <file>", "the file")
    .addOption(
      new Option("--format <format>", "what is written")
        .choices(["oci-archive", "docker-archive"])
        .default("oci-archive"),
    )
    .option("--json", "print as JSON");
  action(common(save), host, async () => (await import("../commands/images-move.ts")).exportImages);
  examples(save, [
    "tspack images export hello --output hello.tar",
    "tspack images export hello --output hello.tar --format docker-archive && docker load --input hello.tar",
  ]);
  const load = command(
    images,
    "import",
    "Take the images of an OCI layout, or of a file of docker save, podman save or skopeo",
  )
    .argument("<file>", "an OCI or Docker archive, oci:DIRECTORY[:ENTRY]; - reads standard input")
    .argument("[image...]", "names for the image, instead of those in the file")
    .option("--json", "print as JSON");
  action(common(load), host, async () => (await import("../commands/images-move.ts")).importArchive);
  examples(load, [
    "tspack images import hello.tar",
    "tspack images import oci:./layout hello",
    "docker save hello | tspack images import - hello:from-docker",
  ]);
}

function addRegistries(images: Command, host: TspackHost): void {
  const push = command(images, "push", "Send an image of the local store to a registry")
    .argument("<image>", "name of the image")
    .argument("[target]", "another name for it in the registry")
    .option("--json", "print as JSON");
  action(common(push), host, async () => (await import("../commands/images-move.ts")).pushImage);
  examples(push, [
    "tspack images push registry.example.com/team/hello",
    "tspack images push hello registry.example.com/team/hello:v1",
  ]);
  const pull = command(images, "pull", "Fetch an image from a registry into the local store")
    .argument("<image>", "name of the image")
    .argument("[name]", "another name for it in the local store")
    .option("--platform <platform>", "OS/ARCHITECTURE, where there are several (default: that of this machine)")
    .option("--json", "print as JSON");
  action(common(pull), host, async () => (await import("../commands/images-move.ts")).pullImage);
  examples(pull, ["tspack images pull debian:bookworm-slim", "tspack images pull debian base --platform linux/arm64"]);
}
