import type { Command } from "commander";
import { InputError } from "../../errors.ts";
import { complete } from "../completion/complete.ts";
import { completionScript, shells } from "../completion/scripts.ts";
import { splitLine } from "../completion/split-line.ts";
import { machineValues } from "../completion/values.ts";
import type { TspackHost } from "../toolbox.ts";

/** `tspack completion SHELL`. Throws `INVALID_ARGUMENTS`. */
export function printScript(host: TspackHost, shell: string): void {
  const script = completionScript(shell, host.calledAs ?? "tspack");
  if (script !== undefined) return host.stdout(script);
  const issue = { source: "shell", path: "", expected: `one of ${shells.join(", ")}`, got: JSON.stringify(shell) };
  throw new InputError("INVALID_ARGUMENTS", "there is no completion for this shell", [issue]);
}

/** What a shell asks: the words behind the program's name, or the whole line as it was typed. */
export async function printCompletion(
  host: TspackHost,
  program: Command,
  words: readonly string[],
  line: string | undefined,
): Promise<void> {
  const typed = line === undefined ? words : splitLine(line).slice(1);
  const { candidates, otherwise } = await complete(program, typed, machineValues(host));
  const rows = candidates.map(({ value, description = "" }) =>
    description === "" ? value : `${value}\t${description.replaceAll(/\s+/g, " ")}`,
  );
  host.stdout([...rows, `:${otherwise}`].map((row) => `${row}\n`).join(""));
}
