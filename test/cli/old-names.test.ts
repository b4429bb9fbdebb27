import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { completionScript } from "../../lifecycle/cli/completion/scripts.ts";
import { oldNames, withNewName } from "../../lifecycle/cli/old-names.ts";
import { buildProgram } from "../../lifecycle/cli/program.ts";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import { readSettings } from "../../lifecycle/platform/settings.ts";

let home = "";
beforeEach(() => (home = mkdtempSync(join(tmpdir(), "tspack-old-names-"))));
afterEach(() => rmSync(home, { recursive: true }));

async function say(argv: readonly string[], calledAs?: "pack") {
  const said = { out: "", err: "" };
  const code = await runTspack({ ...host(argv, said), calledAs });
  return { code, ...said };
}

function host(argv: readonly string[], said: { out: string; err: string }) {
  return {
    argv,
    env: { TSPACK_HOME: home, HOME: home },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text: string) => void (said.out += text),
    stderr: (text: string) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  };
}

describe("an old name of a command", () => {
  test.each(Object.entries(oldNames))("%s stands for a command that is there", (old, now) => {
    let command = buildProgram(host([], { out: "", err: "" }));
    for (const word of now) command = command.commands.find((one) => one.name() === word) ?? command;
    expect(command.name()).toBe(now.at(-1));
    expect(command.commands).toEqual([]);
    expect(withNewName(["-q", old, "a", "--b"], () => {})).toEqual(["-q", ...now, "a", "--b"]);
  });

  test("does what the new one does, and says on standard error which that is", async () => {
    const file = join(home, "config/config.toml");
    const trusted = await say(["trust-builder", "example.com/b:1"]);
    expect(trusted).toEqual({
      code: 0,
      out: "Builder example.com/b:1 is now trusted\n",
      err: "Warning: tspack trust-builder is an old name; it is now tspack config trusted-builders add\n",
    });
    expect((await say(["list-trusted-builders"])).out).toContain("  example.com/b:1\n");
    expect((await say(["-q", "untrust-builder", "example.com/b:1"])).err).toBe("");
    expect((await say(["set-default-builder", "example.com/b:2"], "pack")).err).toMatch(/^Warning: pack set-default/);
    expect(readSettings(file)).toMatchObject({ trustedBuilders: [], defaultBuilder: "example.com/b:2" });
  });

  test("set-run-image-mirrors forgets the mirrors that were there", async () => {
    const mirrors = () => Object.fromEntries(readSettings(join(home, "config/config.toml")).runImageMirrors);
    await say(["config", "run-image-mirrors", "add", "run", "-m", "a", "-m", "b"]);
    await say(["set-run-image-mirrors", "run", "--mirror", "c,d"]);
    expect(mirrors()).toEqual({ run: ["c", "d"] });
    expect((await say(["set-run-image-mirrors", "run"])).out).toBe("Run image run has no mirrors\n");
    expect(mirrors()).toEqual({});
  });

  test("has the help of the new one", async () => {
    for (const argv of [
      ["create-builder", "--help"],
      ["help", "create-builder"],
    ])
      expect((await say(argv)).out, argv.join(" ")).toMatch(/^Usage: tspack builder/);
  });

  test("is a value like any other behind a command", () => {
    for (const argv of [["build", "create-builder"], ["config", "default-builder", "trust-builder"], ["toString"]])
      expect(withNewName(argv, () => expect.unreachable())).toEqual(argv);
  });
});

describe("completion --shell", () => {
  test.each([
    ["bash", "completion.sh"],
    ["zsh", "completion.zsh"],
    ["fish", "completion.fish"],
    ["powershell", "completion.ps1"],
  ])("%s puts the script into %s and prints its path", async (shell, name) => {
    const path = join(home, "config", name);
    expect(await say(["completion", "--shell", shell])).toEqual({ code: 0, out: `${path}\n`, err: "" });
    expect(readFileSync(path, "utf8")).toBe(completionScript(shell, "tspack"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("is bash's when tspack is called pack, and completes pack", async () => {
    const { out } = await say(["completion"], "pack");
    expect(readFileSync(out.trimEnd(), "utf8")).toBe(completionScript("bash", "pack"));
  });

  test("is not needed: a word prints the script", async () => {
    expect((await say(["completion", "zsh"])).out).toBe(completionScript("zsh", "tspack"));
    expect((await say(["completion"])).code).toBe(3);
  });
});
