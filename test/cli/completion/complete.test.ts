import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completionScript, shells } from "../../../lifecycle/cli/completion/scripts.ts";
import { splitLine } from "../../../lifecycle/cli/completion/split-line.ts";
import { runTspack } from "../../../lifecycle/cli/run-tspack.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { noise, testImage } from "../../fakes/images.ts";

let home = "";
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "tspack-complete-"));
  const buildpacks = [{ id: "team/ruby", version: "1.2.3", name: "Ruby" }];
  const labels = { "io.buildpacks.builder.metadata": JSON.stringify({ buildpacks }) };
  const store = layoutStore(join(home, "data/images"));
  await store.write(testImage({ layers: [noise(100, 1)] }), [parseReference("registry.test:5000/app:1")]);
  await store.write(testImage({ layers: [noise(100, 2)], labels }), [parseReference("team/builder")]);
});
afterAll(() => rmSync(home, { recursive: true }));

async function ask(...words: readonly string[]) {
  const said = { out: "", err: "" };
  const code = await runTspack({
    argv: ["complete", ...words],
    env: { TSPACK_HOME: home, HOME: home },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  });
  expect([code, said.err]).toEqual([0, ""]);
  const lines = said.out.trimEnd().split("\n");
  return { values: lines.slice(0, -1).map((line) => line.split("\t")[0] ?? ""), otherwise: lines.at(-1) };
}

describe("completion offers", () => {
  test.each([
    [["buildp"], ["buildpack"]],
    [
      ["config", "regis"],
      ["registry-mirrors", "registries"],
    ],
    [["config", "trust-builder", "re"], ["remove"]],
    [["build", "--pull"], ["--pull-policy"]],
    [
      ["build", "x", "--pull-policy", ""],
      ["always", "never", "if-not-present"],
    ],
    [["build", "--runner=in"], ["--runner=in-place"]],
    [
      ["build", "--output", "oci"],
      ["oci:", "oci-archive:"],
    ],
    [["completion", "f"], ["fish"]],
    [["images", "rm", "registry"], ["registry.test:5000/app:1"]],
    [["rebase", "team/builder", "regi"], ["registry.test:5000/app:1"]],
    [["build", "--builder", "team/builder", "--buildpack", "team/ruby@"], ["team/ruby@1.2.3"]],
    [["run", "-e", "A=b", "team"], ["team/builder:latest"]],
  ])("after %j: %j", async (words, values) => {
    expect((await ask("--", ...words)).values.toSorted()).toEqual(values.toSorted());
  });

  test.each([
    [["build", "--path", "x"], ":files"],
    [["build", "--sbom-output-dir", ""], ":directories"],
    [["config", "runner", ""], ":nothing"],
    [["nonsense", "x"], ":nothing"],
    [["version", "x"], ":nothing"],
  ])("after %j what the shell has itself: %s", async (words, otherwise) => {
    expect((await ask("--", ...words)).otherwise).toBe(otherwise);
  });

  test("an option once, unless it may be repeated", async () => {
    const { values } = await ask("--", "build", "--publish", "--env", "A=1", "--");
    expect(values).not.toContain("--publish");
    expect(values).toEqual(expect.arrayContaining(["--env", "--path"]));
  });

  test("no command that is hidden", async () => {
    expect((await ask("--", "comple")).values).toEqual(["completion"]);
  });

  test("the same for a line as it was typed", async () => {
    expect((await ask("--line", "tspack config pull-policy al")).values).toEqual(["always"]);
    expect((await ask("--line", "tspack build 'my app' --pull")).values).toEqual(["--pull-policy"]);
  });

  test("nothing where the store or the settings can not be read", async () => {
    home = `${home}/`;
    expect((await ask("--", "build", "--builder", "Not A Name", "-b", "x")).values).toEqual([]);
  });
});

test.each([
  ["tspack build ", ["tspack", "build", ""]],
  ["tspack 'a b' \"c d\" e\\ f", ["tspack", "a b", "c d", "e f"]],
  ['tspack "a\'b" \'c"d\\', ["tspack", "a'b", 'c"d\\']],
  ["  tspack  '' x", ["tspack", "", "x"]],
])("%j is cut as a shell does", (line, words) => {
  expect(splitLine(line)).toEqual(words);
});

test("scripts carry the name of the program, and evaluate nothing that was typed", () => {
  for (const shell of shells) {
    const script = completionScript(shell, "pack") ?? "";
    expect(script).toMatch(/(?:pack|"\$1") complete/);
    expect(script).not.toMatch(/NAME|\beval\b|Invoke-Expression/);
  }
  expect(completionScript("tcsh", "tspack")).toBeUndefined();
});
