import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  environment,
  follow,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  succeed,
} from "./tspack.ts";

// Shells complete when a person types: each gets a terminal of its own (script, util-linux) and keys.
const shells = [
  ["bash", "bash --norc --noprofile -i", (file: string) => `PS1='> '; source ${file}`],
  ["zsh", "zsh -f -i", (file: string) => `PS1='> '; autoload -Uz compinit; compinit -D -u; source ${file}`],
] as const;

let directory = "";
let person: Person;
beforeAll(() => {
  directory = scratchDirectory("completion");
  person = { uid: undefined, home: join(directory, "home") };
  mkdirSync(join(directory, "bin"));
  mkdirSync(join(directory, "some-directory"));
  for (const name of ["tspack", "pack"]) {
    // The name has to be the program's own; its place is the package's.
    const program = `#!/bin/sh\nexec ${process.execPath} ${packageFile("dist/tspack.js")} "$@"\n`;
    writeFileSync(join(directory, "bin", name), program, { mode: 0o755 });
  }
});
afterAll(() => removeAll(directory));

/** Types lines into a shell, each when the one before has had its effect; returns what the terminal showed. */
async function type(command: string, setup: string, lines: readonly (readonly [keys: string, effect: string])[]) {
  const env = { ...environment(person), PATH: `${directory}/bin:${process.env["PATH"] ?? ""}`, TERM: "xterm" };
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env,
    cwd: directory,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const running = follow(child);
  child.stdin.write(`${setup}; echo is-''ready\n`);
  await running.says("is-ready");
  for (const [keys, effect] of lines) {
    child.stdin.write(keys);
    // The shell asks tspack while we wait for what the key gave.
    await Promise.race([running.says(effect), sleep(20_000)]);
    child.stdin.write("\n");
  }
  child.stdin.write("exit\n");
  return (await running.done).stdout;
}

describe.each(shells)("completion in %s", (shell, command, setup) => {
  const { skip, note } = needs(shell, "script");
  it.skipIf(skip)(`completes commands, values and files${note}`, async () => {
    const file = join(directory, `_${shell}`);
    writeFileSync(file, (await succeed(person, ["completion", shell])).stdout);
    const shown = await type(command, setup(file), [
      ["tspack config pull-p\t", "policy"],
      ["tspack config pull-policy nev\t", "never"],
      ["echo tspack build --path some-d\t", "some-directory"],
      // Ctrl-U takes the line away: only completion has seen it.
      ["tspack build $(touch${IFS}evaluated) --pub\t\u0015", "--publish"],
    ]);
    expect(existsSync(join(directory, "evaluated"))).toBe(false);
    expect(shown).toMatch(/Set pull-policy to never/);
    const { stdout } = await succeed(person, ["config", "pull-policy"]);
    expect(stdout).toBe("The current pull-policy is never\n");
  });
});

describe("completion in fish", () => {
  const { skip, note } = needs("fish");
  it.skipIf(skip)(`completes commands and values${note}`, async () => {
    const file = join(directory, "tspack.fish");
    writeFileSync(file, (await succeed(person, ["completion", "fish"])).stdout);
    const env = { ...environment(person), PATH: `${directory}/bin:${process.env["PATH"] ?? ""}` };
    const ask = async (line: string): Promise<string> => {
      const script = `source ${file}; complete -C "${line}"`;
      return (await follow(spawn("fish", ["--no-config", "-c", script], { env, cwd: directory })).done).stdout;
    };
    expect(await ask("tspack config pull-p")).toMatch(/^pull-policy\t/);
    expect(await ask("tspack config pull-policy nev")).toBe("never\n");
    expect(await ask("tspack build --path some-d")).toMatch(/^some-directory\//);
  });
});
