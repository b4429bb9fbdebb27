import { CommanderError } from "commander";
import { TspackError } from "../errors.ts";
import { exitCodeOf, exitCodes, packExitCode } from "./exit-codes.ts";
import { warnOfOldName, withNewName } from "./old-names.ts";
import { renderError } from "./render-error.ts";
import { buildProgram } from "./program.ts";
import { explainSystemError } from "../platform/system-error.ts";
import { ExitWith, type TspackHost } from "./toolbox.ts";

// From here, so that the entry loads no further module for it.
export { keepHeapSmall } from "./small-heap.ts";

/** Runs `tspack` with its arguments; returns the exit code. Results go to stdout, all else to stderr. */
export async function runTspack(host: TspackHost): Promise<number> {
  const code = await runCommand(host);
  return host.calledAs === "pack" ? packExitCode(code) : code;
}

async function runCommand(host: TspackHost): Promise<number> {
  try {
    const program = buildProgram(host);
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
