import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodes, exitCodeTable } from "../../lifecycle/cli/exit-codes.ts";
import type { BadInput } from "./bad-input.ts";
import { cases } from "./cases.ts";
import { flagOf, leafCommands, type LeafCommand, takesText } from "./command-tree.ts";
import { type Fixture, fixture } from "./fixture.ts";

let person: Fixture;
beforeAll(async () => {
  person = await fixture();
});
afterAll(() => person.close());

/** What is wrong with any command line, whatever the command is: from the tree, so for new commands, too. */
function formal({ name, options, needsArgument, mostArguments }: LeafCommand): readonly BadInput[] {
  // What has to be there is asked for first.
  const mandatory = options.filter((option) => option.mandatory).flatMap((option) => [flagOf(option), "x"]);
  const usage = (of: string, what: string, args: readonly string[], says: string): BadInput => ({
    ...{ of, what, args: [...mandatory, ...args], says },
    code: "usage",
  });
  return [
    usage("", "an unknown option", ["--no-such-option"], "unknown option '--no-such-option'"),
    ...(needsArgument ? [usage("", "no argument", [], `tspack ${name} --help`)] : []),
    ...(mostArguments === undefined
      ? []
      : [
          usage(
            "",
            "too many",
            Array.from({ length: mostArguments + 1 }, () => "x"),
            "too many arguments",
          ),
        ]),
    ...options.flatMap((option) => {
      const flag = flagOf(option);
      if (!option.required && !option.optional) return [usage(flag, "a value", [`${flag}=maybe`], flag)];
      if (option.argChoices === undefined) return [usage(flag, "no value", [flag], "argument missing")];
      return [
        usage(flag, "no value", [flag], "argument missing"),
        usage(flag, "no choice", [flag, "no-such-choice"], "Allowed choices are"),
      ];
    }),
  ];
}

const tree = leafCommands();

describe.each(tree)("$name", (command) => {
  const own = cases[command.name] ?? [];

  test("has a case for every option that takes text", () => {
    const covered = new Set(own.map(({ of }) => of));
    expect(
      command.options
        .filter(takesText)
        .map(flagOf)
        .filter((flag) => !covered.has(flag)),
    ).toEqual([]);
  });

  test.each([...formal(command), ...own])("$of $what", async ({ args, code, says }) => {
    const before = person.files();
    const ran = await person.run([...command.name.split(" "), ...args]);
    // Statuses of `run` are the application's, so all failures of tspack itself have one of their own there.
    const failed = command.name === "run" ? exitCodes.notStarted : undefined;
    const exit = code === "usage" ? exitCodes.usage : (failed ?? exitCodeTable[code]);
    if (code === "usage") expect(ran.stderr).toMatch(/^error: /);
    else expect(ran.stderr).toMatch(new RegExp(`^error ${code}: `, "m"));
    if (typeof says === "string") expect(ran.stderr).toContain(says);
    else expect(ran.stderr).toMatch(says);
    expect([ran.code, ran.stdout]).toEqual([exit, ""]);
    // Every message says what to do: by what was expected, by a hint, or where to read about it.
    expect(ran.stderr).toMatch(/^hint: | expected |Allowed choices|--help|Did you mean/m);
    expect(ran.stderr).not.toContain("internal error");
    expect(person.files()).toEqual(before);
  });
});

test("no table is of a command that does not exist", () => {
  const names = tree.map(({ name }) => name);
  expect(Object.keys(cases).filter((name) => !names.includes(name))).toEqual([]);
});
