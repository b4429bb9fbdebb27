import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { command, examples } from "./declare.ts";

/** `tspack completion`, and `complete`, which the scripts of shells ask. */
export function addCompletion(program: Command, host: TspackHost): void {
  const completion = command(program, "completion", "Print a script that completes commands, options and values")
    .argument("[shell]", "bash, zsh, fish or powershell: its script is printed")
    .option("-s, --shell <shell>", "put the script into a file instead and print its path, as pack does")
    .action(async (shell: string | undefined, options: { readonly shell?: string }) => {
      const { printScript, writeScript } = await import("../commands/completion.ts");
      if (options.shell === undefined && shell !== undefined) printScript(host, shell);
      else await writeScript(host, shell, options.shell);
    });
  examples(completion, [
    "tspack completion bash > ~/.local/share/bash-completion/completions/tspack",
    "tspack completion zsh > ~/.zfunc/_tspack",
    "tspack completion fish > ~/.config/fish/completions/tspack.fish",
    ". $(tspack completion --shell bash)",
  ]);
  const complete = program
    .command("complete [words...]", { hidden: true })
    .description("Print what the last word can become; the scripts of shells ask this")
    .exitOverride()
    .addOption(new Option("--line <text>", "what was typed so far, with the program's name"))
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: readonly string[], { line }: { readonly line?: string }) => {
      const { printCompletion } = await import("../commands/completion.ts");
      await printCompletion(host, program, words, line);
    });
  examples(complete, ["tspack complete -- build --pull"]);
}
