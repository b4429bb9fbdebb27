import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { Workspace } from "./workspace.ts";

const tools = skipWithout("bash");

describe.skipIf(tools.skip)(`env${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  /** The files of the layer's environment with their content. */
  function environment(): Readonly<Record<string, string>> {
    const directory = join(workspace.layers("env"), "env/env.launch");
    return Object.fromEntries(
      readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]),
    );
  }

  it("takes part for a variable that begins with BPE_ only", async () => {
    expect(await workspace.detect("env", { XBPE_A: "1" })).toMatchObject({ code: 100, output: "no variable BPE_…\n" });
    expect(await workspace.detect("env", { BPE_A: "1" })).toMatchObject({ code: 0 });
  });

  it("makes a file for the app of each, with the value as it is", async () => {
    const variables = {
      BPE_PLAIN: "two\nlines ",
      BPE_OVERRIDE_FORCED: "",
      BPE_DEFAULT_LEVEL: "info",
      BPE_APPEND_JAVA_TOOL_OPTIONS: "-Xss1m",
      BPE_DELIM_JAVA_TOOL_OPTIONS: " ",
      BPE_PREPEND_PATH: "/opt/bin:",
    };
    const { code, output } = await workspace.build("env", [], variables);
    expect(code).toBe(0);
    expect(output).not.toContain("lines");
    expect(environment()).toEqual({
      "PLAIN.override": "two\nlines ",
      "FORCED.override": "",
      "LEVEL.default": "info",
      "JAVA_TOOL_OPTIONS.append": "-Xss1m",
      "JAVA_TOOL_OPTIONS.delim": " ",
      "PATH.prepend": "/opt/bin:",
    });
    expect(workspace.toml("env", "env.toml")).toEqual({ types: { launch: true } });
  });

  it("forgets what an earlier build set", async () => {
    await workspace.build("env", [], { BPE_A: "1" });
    await workspace.build("env", [], { BPE_B: "1" });
    expect(Object.keys(environment())).toEqual(["B.override"]);
  });

  it("names every variable that means nothing", async () => {
    const { code, output } = await workspace.build("env", [], {
      BPE_: "x",
      BPE_APPEND_: "x",
      BPE_DELIM_LONELY: ":",
      BPE_SAME: "1",
      BPE_OVERRIDE_SAME: "2",
    });
    expect(code).toBe(1);
    for (const part of ["BPE_:", "BPE_APPEND_:", "BPE_DELIM_LONELY: there is no", "BPE_SAME and BPE_OVERRIDE_SAME"]) {
      expect(output).toContain(part);
    }
  });
});
