import type { Command } from "commander";
import { addBuild } from "./program/build.ts";
import { addBuilder } from "./program/builder.ts";
import { addBuildpack, addExtension } from "./program/buildpack.ts";
import { addCache } from "./program/cache.ts";
import { addCompletion } from "./program/completion.ts";
import { addConfig } from "./program/config.ts";
import { addLogin } from "./program/login.ts";
import { addDetect } from "./program/detect.ts";
import { addDoctor } from "./program/doctor.ts";
import { addImages } from "./program/images.ts";
import { addInspect } from "./program/inspect.ts";
import { addManifest } from "./program/manifest.ts";
import { addRebase } from "./program/rebase.ts";
import { rootProgram } from "./program/root.ts";
import { addRun } from "./program/run.ts";
import { addSbom } from "./program/sbom.ts";
import { addStack } from "./program/stack.ts";
import type { TspackHost } from "./toolbox.ts";

/** The tree of commands: flags and help in program/, work in commands/. */
export function buildProgram(host: TspackHost): Command {
  const commands = [addBuild, addRun, addRebase, addInspect, addSbom, addDetect, addManifest, addImages, addCache];
  const machine = [addBuilder, addBuildpack, addExtension, addStack, addConfig, addLogin, addDoctor, addCompletion];
  return rootProgram(host, [...commands, ...machine]);
}
