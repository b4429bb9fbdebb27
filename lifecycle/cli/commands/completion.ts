import { dirname, join } from "node:path";
import type { Command } from "commander";
import { InputError } from "../../errors.ts";
import { placesFrom, privateDirectory } from "../../platform/places.ts";
import { replaceFile } from "../../platform/private-file.ts";
import { complete } from "../completion/complete.ts";
import { completionScript, shells } from "../completion/scripts.ts";
import { splitLine } from "../completion/split-line.ts";
import { machineValues } from "../completion/values.ts";
import type { TspackHost } from "../toolbox.ts";

/** `tspack completion SHELL`. Throws `INVALID_ARGUMENTS`. */
export function printScript(host: TspackHost, shell: string): void {
  host.stdout(scriptFor(host, shell, "shell"));
}

/**
 * `tspack completion --shell SHELL`, and `pack completion` for bash: the script goes into a file beside the
 * settings, and its path is printed, for `. $(pack completion)`. Throws `INVALID_ARGUMENTS`.
 */
export async function writeScript(
  host: TspackHost,
  argument: string | undefined,
  option: string | undefined,
): Promise<void> {
  if (argument !== undefined || (option === undefined && host.calledAs !== "pack")) {
    const expected = argument === undefined ? "a shell" : "one of --shell and a word";
    const got = argument === undefined ? "nothing" : "both";
    throw new InputError("INVALID_ARGUMENTS", "no completion can be made", [
      { source: "shell", path: "", expected, got },
    ]);
  }
  const shell = option ?? "bash";
  const script = scriptFor(host, shell, "--shell");
  const { config } = placesFrom(host.env);
  const path = join(await privateDirectory(dirname(config)), `completion.${extensions[shell] ?? shell}`);
  await replaceFile(path, script);
  host.stdout(`${path}\n`);
}

/** The ends of files' names that differ from the shell's. */
const extensions: Readonly<Record<string, string>> = { bash: "sh", powershell: "ps1" };

function scriptFor(host: TspackHost, shell: string, source: string): string {
  const script = completionScript(shell, host.calledAs ?? "tspack");
  if (script !== undefined) return script;
  const issue = { source, path: "", expected: `one of ${shells.join(", ")}`, got: JSON.stringify(shell) };
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
