import type { Command, Option } from "commander";
import { buildProgram } from "../../lifecycle/cli/program.ts";
import type { TspackHost } from "../../lifecycle/cli/toolbox.ts";

/** A command that does something, with all that can be given to it. */
export interface LeafCommand {
  /** `builder create`. */
  readonly name: string;
  readonly options: readonly Option[];
  readonly needsArgument: boolean;
  /** How many arguments it takes; undefined: any number. */
  readonly mostArguments: number | undefined;
}

/** The commands of the program, as it is: a new command or flag is in here without anybody's doing. */
export function leafCommands(): readonly LeafCommand[] {
  return leavesOf(buildProgram(silentHost), []);
}

/** Nothing runs: the tree is only looked at. */
const silentHost: TspackHost = {
  argv: [],
  env: {},
  cwd: "/",
  uid: 1000,
  packageRoot: "/",
  stdout: () => {},
  stderr: () => {},
  terminal: false,
  color: false,
  signal: new AbortController().signal,
};

function leavesOf(parent: Command, path: readonly string[]): readonly LeafCommand[] {
  // What the scripts of shells ask is nobody's to type.
  const visible = parent.createHelp().visibleCommands(parent);
  return parent.commands
    .filter((each) => visible.includes(each))
    .flatMap((each) => {
      const name = [...path, each.name()];
      if (each.commands.length > 0) return leavesOf(each, name);
      const given = each.registeredArguments;
      return [
        {
          name: name.join(" "),
          options: each.options,
          needsArgument: given.some(({ required }) => required),
          mostArguments: given.some(({ variadic }) => variadic) ? undefined : given.length,
        },
      ];
    });
}

/** Whether every value of an option is checked by what it may be, or by a case of its own. */
export function takesText({ required, optional, argChoices }: Option): boolean {
  return (required || optional) && argChoices === undefined;
}

/** `--cache`, as it is called in tables; `--no-color` for options that switch something off. */
export function flagOf({ long, short }: Option): string {
  return long ?? short ?? "";
}
