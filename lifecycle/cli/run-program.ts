import { type Command, CommanderError } from "commander";
import { TspackError } from "../errors.ts";
import { ExitWith } from "./exit-with.ts";
import { exitCodeOf, exitCodes, packExitCode } from "./exit-codes.ts";
import { warnOfOldName, withNewName } from "./old-names.ts";
import { renderError } from "./render-error.ts";
import { explainSystemError } from "../platform/system-error.ts";
import type { TspackHost } from "./toolbox.ts";

/** Runs a program with its arguments; returns the exit code. Results go to stdout, all else to stderr. */
export async function runProgram(host: TspackHost, build: (host: TspackHost) => Command): Promise<number> {
  const code = await runCommand(host, build);
  return host.calledAs === "pack" ? packExitCode(code) : code;
}

async function runCommand(host: TspackHost, build: (host: TspackHost) => Command): Promise<number> {
  try {
    const program = build(host);
    const warn = warnOfOldName(program.name(), host.argv, host.stderr);
    await program.parseAsync(withNewName(host.argv, warn), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof ExitWith) {
      if (error.cause !== undefined) host.stderr(`${renderError(explainSystemError(error.cause))}\n`);
      return error.code;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    if (host.signal.aborted && !(error instanceof TspackError && error.code !== "CANCELED")) {
      host.stderr("Canceled.\n");
      return exitCodes.canceled;
    }
    const shown = explainSystemError(error);
    host.stderr(`${renderError(shown)}\n`);
    return exitCodeOf(shown);
  }
}
