import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, collect, command, common, examples } from "./declare.ts";

/** `tspack manifest`. */
export function addManifest(program: Command, host: TspackHost): void {
  const manifest = command(program, "manifest", "Manifest lists: images for several platforms under one name");
  examples(manifest, [
    "tspack manifest create registry.example.com/app:1 registry.example.com/app:amd64 registry.example.com/app:arm64",
    "tspack manifest push registry.example.com/app:1",
  ]);
  addCreate(manifest, host);
  const add = command(manifest, "add", "Add an image, or all of an index, to a list")
    .argument("<list>", "name of the list")
    .argument("<image>", "name of the image");
  action(common(add), host, async () => (await import("../commands/manifest.ts")).addManifest);
  examples(add, ["tspack manifest add registry.example.com/hello registry.example.com/hello:arm64"]);
  addAnnotate(manifest, host);
  const inspect = command(manifest, "inspect", "Print a list as JSON").argument("<list>", "name of the list");
  action(common(inspect), host, async () => (await import("../commands/manifest.ts")).inspectManifest);
  examples(inspect, ["tspack manifest inspect registry.example.com/hello"]);
  addPush(manifest, host);
  addRemovals(manifest, host);
}

const formats = ["oci", "docker"];

function addCreate(manifest: Command, host: TspackHost): void {
  const create = command(manifest, "create", "Make a list of images, on this machine")
    .argument("<list>", "name of the list")
    .argument("<image...>", "names of the images")
    .addOption(new Option("-f, --format <format>", "form of the index").choices(formats).default("oci"))
    .option("--publish", "send it to its registry at once, and keep nothing here")
    .option("--insecure", "its registry may be used without TLS; needs --publish");
  action(common(create), host, async () => (await import("../commands/manifest.ts")).createManifest);
  examples(create, [
    "tspack manifest create registry.example.com/hello registry.example.com/hello:amd64 registry.example.com/hello:arm64",
  ]);
}

function addAnnotate(manifest: Command, host: TspackHost): void {
  const annotate = command(manifest, "annotate", "Change what a list says of one of its images")
    .argument("<list>", "name of the list")
    .argument("<image>", "name or digest of the image, as it was added")
    .option("--os <os>", "operating system")
    .option("--arch <architecture>", "architecture")
    .option("--variant <variant>", "variant of the architecture")
    .option("--annotations <annotation>", "NAME=VALUE, several with commas (repeatable)", collect);
  action(common(annotate), host, async () => (await import("../commands/manifest.ts")).annotateManifest);
  examples(annotate, [
    "tspack manifest annotate registry.example.com/hello registry.example.com/hello:arm64 --arch arm64 --variant v8",
  ]);
}

function addPush(manifest: Command, host: TspackHost): void {
  const push = command(manifest, "push", "Send a list to its registry, with images that are not there yet")
    .argument("<list>", "name of the list")
    .addOption(new Option("-f, --format <format>", "form of the index, instead of the list's").choices(formats))
    .option("--purge", "forget the list when it was sent")
    .option("--insecure", "its registry may be used without TLS");
  action(common(push), host, async () => (await import("../commands/manifest.ts")).pushManifest);
  examples(push, ["tspack manifest push registry.example.com/hello --purge"]);
}

function addRemovals(manifest: Command, host: TspackHost): void {
  const rm = command(manifest, "rm", "Forget lists on this machine").argument("<list...>", "names of lists");
  action(common(rm), host, async () => (await import("../commands/manifest.ts")).deleteManifests);
  examples(rm, ["tspack manifest rm registry.example.com/hello"]);
  const remove = command(manifest, "remove", "Take an image out of a list")
    .argument("<list>", "name of the list")
    .argument("<image>", "name or digest of the image, as it was added");
  action(common(remove), host, async () => (await import("../commands/manifest.ts")).removeManifest);
  examples(remove, ["tspack manifest remove registry.example.com/hello registry.example.com/hello:arm64"]);
}
