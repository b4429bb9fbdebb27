import { Command } from "commander";
import { versionText } from "../../distribution/version.ts";
import type { TspackHost } from "../toolbox.ts";
import { outputOptions } from "./declare.ts";

/** Declares a command below the program. */
export type AddCommand = (program: Command, host: TspackHost) => void;

/** The program with these commands; what it says of itself and of mistakes is the same with any of them. */
export function rootProgram(host: TspackHost, commands: readonly AddCommand[]): Command {
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
  for (const add of commands) add(program, host);
  return program;
}
