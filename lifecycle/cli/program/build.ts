import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, collect, command, common, examples, pullPolicyOption, wholeNumber } from "./declare.ts";
import { applicationOptions, buildpackOptions, publishOption, sandboxOption, volumeOption } from "./shared-options.ts";

/** `tspack build`. */
export function addBuild(program: Command, host: TspackHost): void {
  const build = command(program, "build", "Build an image from an application's source code")
    .usage("<image> [options]")
    .argument("<image>", "name of the image");
  addSource(build);
  addBuildpacks(build);
  addOutput(build);
  addCaches(build);
  addMachine(build);
  action(common(build), host, async () => (await import("../commands/build.ts")).build);
  examples(build, [
    "tspack build hello --path samples/node-hello",
    "tspack build registry.example.com/team/hello --publish",
    "tspack build hello --builder registry.example.com/builders/base --env NODE_ENV=production",
    "git archive HEAD | tspack build hello --path -",
    "tspack build hello --path git+https://git.example.com/team/hello.git#main:apps/web",
    "tspack build hello --dry-run",
  ]);
}

function addSource(build: Command): void {
  build
    .optionsGroup("Application:")
    .option(
      "-p, --path <source>",
      "the application: a directory, a zip or tar archive, - for one on standard input, or git+https://HOST/PATH#REF:DIRECTORY",
      ".",
    )
    .option("-D, --default-process <type>", "the process that the image starts")
    .option("--workspace <directory>", "where the application is in the image", "/workspace");
  applicationOptions(build);
}

function addBuildpacks(build: Command): void {
  buildpackOptions(build.optionsGroup("Builder and buildpacks:"))
    .option("--trust-builder", "the builder may see registry credentials")
    .option("--trust-extra-buildpacks", "buildpacks that the builder does not have may see them, too")
    .option("--lifecycle-image <image>", "the lifecycle, when the builder is not trusted");
}

function addOutput(build: Command): void {
  build
    .optionsGroup("Image:")
    .option("-t, --tag <image>", "a further name of the image (repeatable)", collect)
    .addOption(publishOption())
    .option(
      "--output <where>",
      "registry, engine, local, oci:DIRECTORY, oci-archive:FILE or docker-archive:FILE (default: local)",
    )
    .option("--run-image <image>", "the run image, instead of the builder's")
    .option("--previous-image <image>", "take unchanged layers from this image")
    .option("--platform <platform>", "OS/ARCHITECTURE of the image")
    .option("--creation-time <time>", "created time of the image: seconds since 1970, RFC 3339, or now")
    .option("--uid <number>", "owner of the application's files in the image", wholeNumber)
    .option("--gid <number>", "group of the application's files in the image", wholeNumber)
    .option(
      "--compression <kind>",
      "how layers are compressed: gzip, or zstd where the destination takes it (default: gzip)",
    )
    .option(
      "--compression-level <number>",
      "how much layers are compressed: 0 (not at all) to 9 (default: 2)",
      wholeNumber,
    )
    .option(
      "--memory <megabytes>",
      "for the export, at least 140: how much is packed and sent at a time (default: 160)",
      wholeNumber,
    )
    .option("--report-output-dir <directory>", "write report.toml there")
    .option("--sbom-output-dir <directory>", "write the bills of materials there")
    .option("--dry-run", "build, print what would be exported, and write nothing")
    .option("--json", "print events as JSON lines; the last one is the summary");
}

function addCaches(build: Command): void {
  build
    .optionsGroup("Caches:")
    .option("--clear-cache", "forget the layers of earlier builds")
    .option("--verify-layers", "read layers that look untouched since the last build, too, and compare")
    .option("--cache <cache>", "type=build|launch;format=bind|volume|image;... (repeatable)", collect)
    .option("--cache-image <image>", "keep the build cache in a registry; needs --publish")
    .addOption(pullPolicyOption());
}

function addMachine(build: Command): void {
  build
    .optionsGroup("Where buildpacks run:")
    .addOption(
      new Option("--runner <runner>", "where buildpacks run (default: auto)").choices([
        "auto",
        "engine",
        "sandbox",
        "in-place",
      ]),
    )
    .addOption(sandboxOption())
    .option(
      "--network <network>",
      "network of buildpacks: host, none, or one of the engine (default: host; one of its own in an engine)",
    )
    .addOption(volumeOption())
    .option(
      "--docker-host <address>",
      "where containers of the build find the engine: an address, or inherit for DOCKER_HOST",
    );
}
