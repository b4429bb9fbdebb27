import { type Command, CommanderError } from "commander";
import { errorCode, TspackError } from "../errors.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { renderError } from "./render-error.ts";
import { buildProgram } from "./program.ts";
import { ExitWith, type TspackHost } from "./toolbox.ts";

/** Runs `tspack` with its arguments; returns the exit code. Results go to stdout, all else to stderr. */
export async function runTspack(host: TspackHost): Promise<number> {
  try {
    const program = buildProgram(host);
    await addCompletion(program, host);
    await program.parseAsync(host.argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof ExitWith) return error.code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    if (host.signal.aborted && !(error instanceof TspackError && error.code !== "CANCELED")) {
      host.stderr("Canceled.\n");
      return exitCodes.canceled;
    }
    const shown = diskFull(error) ?? error;
    host.stderr(`${renderError(shown)}\n`);
    return exitCodeOf(shown);
  }
}

/** A full disk can be met by any write; whatever failed then, that is what the person has to know. */
function diskFull(error: unknown): TspackError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof TspackError && cause.code === "DISK_FULL") return cause;
    if (!["ENOSPC", "EDQUOT"].includes(errorCode(cause) ?? "")) continue;
    return new TspackError("DISK_FULL", "no space left on the disk", {
      cause: error,
      hint: "free disk space, or set TSPACK_HOME to a larger disk",
    });
  }
  return undefined;
}

/** `completion` prints the script of a shell, `complete` is what that script asks; both are loaded when used. */
async function addCompletion(program: Command, { argv }: TspackHost): Promise<void> {
  if (argv[0] === "completion" || argv[0] === "complete") {
    const { default: addTab } = await import("@bomb.sh/tab/commander");
    addTab(program, { completionCommandName: "completion" });
    return;
  }
  program
    .command("completion <shell>")
    .description("Print a script that completes commands: bash, zsh, fish or powershell");
}
