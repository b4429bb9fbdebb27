import { type Command, CommanderError } from "commander";
import { TspackError } from "../errors.ts";
import { exitCodeOf, exitCodes, packExitCode } from "./exit-codes.ts";
import { renderError } from "./render-error.ts";
import { examples } from "./program/declare.ts";
import { buildProgram } from "./program.ts";
import { explainSystemError } from "../platform/system-error.ts";
import { ExitWith, type TspackHost } from "./toolbox.ts";

/** Runs `tspack` with its arguments; returns the exit code. Results go to stdout, all else to stderr. */
export async function runTspack(host: TspackHost): Promise<number> {
  const code = await runCommand(host);
  return host.calledAs === "pack" ? packExitCode(code) : code;
}

async function runCommand(host: TspackHost): Promise<number> {
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
    const shown = explainSystemError(error);
    host.stderr(`${renderError(shown)}\n`);
    return exitCodeOf(shown);
  }
}

/** `completion` prints the script of a shell, `complete` is what that script asks; both are loaded when used. */
async function addCompletion(program: Command, { argv }: TspackHost): Promise<void> {
  if (argv[0] === "completion" || argv[0] === "complete") {
    const { default: addTab } = await import("@bomb.sh/tab/commander");
    addTab(program, { completionCommandName: "completion" });
  } else {
    program
      .command("completion <shell>")
      .description("Print a script that completes commands: bash, zsh, fish or powershell");
  }
  const completion = program.commands.find((each) => each.name() === "completion");
  if (completion !== undefined)
    examples(completion, ["tspack completion bash > ~/.local/share/bash-completion/completions/tspack"]);
}
