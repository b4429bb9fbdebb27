import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, Workspace } from "./workspace.ts";

const tools = skipWithout("bash");

describe.skipIf(tools.skip)(`a repository with two languages${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  const mention = (id: string) => {
    const lib = `${buildpackDirectory(id)}/lib`;
    const script = 'set -euo pipefail; source "$1/output.sh"; source "$1/other-languages.sh"; mention_other_languages';
    return capture(["bash", "-c", script, "bash", lib], workspace.app, { PATH: process.env["PATH"] ?? "" });
  };

  it.each([
    ["nodejs", "go.mod", "Node.js", "tspack/go-apps"],
    ["nodejs", "requirements.txt", "Node.js", "tspack/python-apps"],
    ["python", "pom.xml", "Python", "tspack/java-apps"],
    ["go", "pom.xml", "Go", "tspack/java-apps"],
  ])("%s says that %s is there, and how to choose it", async (id, file, language, other) => {
    workspace.write(file, "");
    const { code, output } = await mention(id);
    expect(code).toBe(0);
    expect(output).toContain(`${file} is here as well, but ${language} comes first in the builder's order\n`);
    expect(output).toContain(
      `--buildpack ${other}, or write into project.toml: [[io.buildpacks.group]] id = "${other}"`,
    );
  });

  it.each(["nodejs", "python", "go"])("%s says nothing of an application in its own language", async (id) => {
    workspace.write("package.json", {});
    expect(await mention(id)).toEqual({ code: 0, output: "" });
  });
});
