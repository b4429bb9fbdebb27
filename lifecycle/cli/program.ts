import { Command } from "commander";
import { versionText } from "../distribution/version.ts";
import { addBuild } from "./program/build.ts";
import { addBuilder } from "./program/builder.ts";
import { addBuildpack, addExtension } from "./program/buildpack.ts";
import { addCache } from "./program/cache.ts";
import { outputOptions } from "./program/declare.ts";
import { addCompletion } from "./program/completion.ts";
import { addConfig } from "./program/config.ts";
import { addLogin } from "./program/login.ts";
import { addDetect } from "./program/detect.ts";
import { addDoctor } from "./program/doctor.ts";
import { addImages } from "./program/images.ts";
import { addInspect } from "./program/inspect.ts";
import { addManifest } from "./program/manifest.ts";
import { addRebase } from "./program/rebase.ts";
import { addRun } from "./program/run.ts";
import { addSbom } from "./program/sbom.ts";
import { addStack } from "./program/stack.ts";
import type { TspackHost } from "./toolbox.ts";

/** The tree of commands: flags and help in program/, work in commands/. */
export function buildProgram(host: TspackHost): Command {
  const program = new Command(host.calledAs ?? "tspack")
    .description("Cloud Native Buildpacks: from source code to an OCI image, without daemon and without root")
    .version(versionText, "-V, --version", "print the version")
    .configureOutput({ writeOut: host.stdout, writeErr: host.stderr })
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError(`(${host.calledAs ?? "tspack"} --help shows all commands)`)
    .helpCommand(true)
    .enablePositionalOptions();
  outputOptions(program);
  const commands = [addBuild, addRun, addRebase, addInspect, addSbom, addDetect, addManifest, addImages, addCache];
  for (const add of [...commands, addBuilder, addBuildpack, addExtension, addStack, addConfig, addLogin, addDoctor])
    add(program, host);
  addCompletion(program, host);
  return program;
}
