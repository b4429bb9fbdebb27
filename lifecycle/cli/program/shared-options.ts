import { type Command, Option } from "commander";
import { buildpackRegistryOption, collect } from "./declare.ts";

// Options that several commands have, each with one text.

/** What an application is described by, besides its place: `build` and `detect`. */
export function applicationOptions(target: Command): Command {
  return target
    .option("-d, --descriptor <file>", "the project descriptor, instead of project.toml in the application")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment, for buildpacks (repeatable)", collect)
    .addOption(envFileOption())
    .option("--exec-env <environment>", "what the image is for: production, test or another word");
}

/** Which buildpacks take part: `build` and `detect`. */
export function buildpackOptions(target: Command): Command {
  return target
    .option("-B, --builder <builder>", "a builder: image, oci:PATH, or a builder.toml; the built-in one when absent")
    .option("-b, --buildpack <buildpack>", "these instead of the builder's order (repeatable)", collect)
    .option("--pre-buildpack <buildpack>", "before the builder's order (repeatable)", collect)
    .option("--post-buildpack <buildpack>", "after the builder's order (repeatable)", collect)
    .option("--extension <extension>", "an image extension (repeatable)", collect)
    .addOption(buildpackRegistryOption())
    .option("--disable-system-buildpacks", "leave out the system buildpacks of the builder")
    .option("--mirror <url>", "Debian mirror, when the default builder has to be made");
}

/** `--env-file`: `build`, `detect` and `run`. */
export function envFileOption(): Option {
  const about = "a file with a variable per line, # for comments; --env wins (repeatable)";
  return new Option("--env-file <file>", about).argParser(collect);
}

/** `--sandbox`: whatever is run in one. */
export function sandboxOption(): Option {
  return new Option("--sandbox <way>", "how the sandbox is made").choices(["bubblewrap", "unshare"]);
}

/** `--volume` of what runs buildpacks. */
export function volumeOption(): Option {
  return new Option("--volume <volume>", "HOST:TARGET[:OPTIONS] for buildpacks (repeatable)").argParser(collect);
}

/** `--publish` of commands that make an image. */
export function publishOption(): Option {
  return new Option("--publish", "send the image to its registry: the same as --output registry");
}
