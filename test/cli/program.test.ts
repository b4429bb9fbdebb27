import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../../lifecycle/cli/program.ts";
import { action, command, outputOptions } from "../../lifecycle/cli/program/declare.ts";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import type { TspackHost } from "../../lifecycle/cli/toolbox.ts";

interface Spoken {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function hostOf(argv: readonly string[]): { readonly host: TspackHost; readonly said: { out: string; err: string } } {
  const said = { out: "", err: "" };
  const host: TspackHost = {
    argv,
    env: { HOME: "/nowhere" },
    cwd: "/",
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  };
  return { host, said };
}

async function say(...argv: readonly string[]): Promise<Spoken> {
  const { host, said } = hostOf(argv);
  const code = await runTspack(host);
  return { code, stdout: said.out, stderr: said.err };
}

/** The names of all commands that do something. */
function leaves(parent: Command, path: readonly string[] = []): readonly (readonly string[])[] {
  return parent.commands.flatMap((each) => {
    const own = [...path, each.name()];
    return each.commands.length === 0 ? [own] : leaves(each, own);
  });
}

describe("help", () => {
  const commands = leaves(buildProgram(hostOf([]).host)).map((path) => path.join(" "));

  test("knows the commands", () => {
    expect(commands).toEqual(expect.arrayContaining(["build", "rebase", "inspect", "run", "images list", "version"]));
  });

  const groups = [...new Set(commands.map((name) => name.split(" ").slice(0, -1).join(" ")))].filter(Boolean);
  test.each(groups)("of %s lists its commands, with an example", async (name) => {
    const { code, stdout } = await say(...name.split(" "), "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("Commands:\n");
    expect(stdout).toContain(`Examples:\n  $ tspack ${name} `);
  });

  test.each([...commands, "completion"])("of %s has a sentence, and examples of itself", async (name) => {
    const { code, stdout } = await say(...name.split(" "), "--help");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: tspack .*\n\n[A-Z].{5,}/)]);
    expect(stdout).toContain(`Examples:\n  $ tspack ${name}`);
  });
});

describe("a command line that can not be read", () => {
  test.each([
    [["biuld", "x"], "Did you mean build?"],
    [["build", "x", "--run-imgae", "y"], "Did you mean --run-image?"],
    [["images", "lst"], "Did you mean list?"],
    [["build", "x", "--runner", "docker"], "Allowed choices are auto, engine, sandbox, in-place"],
    [["build", "x", "--uid", "root"], "It has to be a whole number"],
    [["build"], "missing required argument 'image'"],
    [["rebase"], "missing required argument 'image'"],
    [["inspect", "a", "b"], "too many arguments"],
  ])("%j ends with 2 and says what to do", async (argv, hint) => {
    const { code, stdout, stderr } = await say(...argv);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(hint)]);
  });
});

describe("output options", () => {
  async function given(...argv: readonly string[]): Promise<unknown> {
    let seen: unknown;
    const program = outputOptions(new Command("tspack")).enablePositionalOptions();
    const child = outputOptions(command(program, "child", "A child").argument("[word...]"));
    const load = () =>
      Promise.resolve((_host: TspackHost, _args: readonly string[], options: object) => {
        seen = options;
        return Promise.resolve();
      });
    action(child, hostOf([]).host, load);
    await program.parseAsync([...argv], { from: "user" });
    return seen;
  }

  test("count before the command as well as after it", async () => {
    expect(await given("child")).toEqual({ color: true });
    expect(await given("--no-color", "--timestamps", "child", "-v")).toEqual({
      color: false,
      timestamps: true,
      verbose: true,
    });
    expect(await given("-q", "child", "--no-color")).toEqual({ color: false, quiet: true });
  });
});
