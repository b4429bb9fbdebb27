import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { detectHints } from "../../../lifecycle/platform/detect/hints.ts";
import { readDetectResults } from "../../../lifecycle/platform/detect/read-results.ts";

const log = `Target distro name/version labels not found, reading /etc/os-release file
======== Output: a/one@1.0 ========
looked
======== Results ========
a lookalike: pass: no@thing here
======== Output: a/two@2.0 ========
boom
======== Error: a/two@2.0 ========
unable to satisfy target os/arch constraints
======== Results ========
pass: a/one@1.0
err:  a/two@2.0 (7)
skip: a/three@0.1-beta.1
======== Results ========
pass: a/one@1.0
pass: b/four@4
Resolving plan... (try #1)
fail: b/four@4 requires jdk
skip: a/one@1.0 provides unused node
Resolving plan... (try #2)
fail: b/four@4 requires jdk
fail: b/four@4 provides unused two words
======== Results ========
pass: a/one@1.0
Resolving plan... (try #1)
fail: a/one@1.0 provides unused node
Resolving plan... (try #2)
a/one 1.0`.split("\n");

describe("the lines of a detector", () => {
  const results = readDetectResults(log, true);

  test("tell of each group how its buildpacks fared", () => {
    expect(results.map(({ buildpacks }) => buildpacks.map(({ id, version, result }) => [id, version, result]))).toEqual(
      [
        [
          ["a/one", "1.0", "pass"],
          ["a/two", "2.0", "error"],
          ["a/three", "0.1-beta.1", "skip"],
        ],
        [
          ["a/one", "1.0", "pass"],
          ["b/four", "4", "pass"],
        ],
        [["a/one", "1.0", "pass"]],
      ],
    );
  });

  test("tell what went wrong, and what the buildpack wrote", () => {
    expect(results[0]?.buildpacks[1]).toEqual({
      id: "a/two",
      version: "2.0",
      result: "error",
      exitCode: 7,
      output: "boom",
      problem: "unable to satisfy target os/arch constraints",
    });
  });

  test("tell who misses what: of all tries when the group failed, of the last one when it passed", () => {
    const four = { id: "b/four", version: "4" };
    expect(results[1]?.plan).toEqual([
      { ...four, kind: "requires", name: "jdk", fatal: true },
      { id: "a/one", version: "1.0", kind: "provides", name: "node", fatal: false },
      { ...four, kind: "provides", name: "two words", fatal: true },
    ]);
    expect(results[2]?.plan).toEqual([]);
    expect(readDetectResults(log, false)[2]?.plan).toHaveLength(1);
  });

  test("that nobody understands make no groups", () => {
    expect(readDetectResults(["", "pass: a@1", "fail: a@1 requires b"], false)).toEqual([]);
  });
});

describe("a hint for an application that nobody wants", () => {
  let directory = "";
  const application = (...files: readonly string[]): string => {
    directory = mkdtempSync(join(tmpdir(), "tspack-hints-"));
    for (const file of files) {
      mkdirSync(join(directory, file, ".."), { recursive: true });
      writeFileSync(join(directory, file), "");
    }
    return directory;
  };
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test("names the directory that was meant, the upper ones first", async () => {
    const app = application("README.md", "apps/web/package.json", "server/go.mod", "node_modules/x/package.json");
    const [hint] = await detectHints(app, "code", []);
    expect(hint).toContain("there is go.mod (Go) in server, also in apps/web: did you mean --path code/server?");
  });

  test("says that the directory is empty", async () => {
    expect(await detectHints(application(), "code", [])).toEqual([expect.stringContaining("code is empty")]);
  });

  test("says what the application is and what the builder has", async () => {
    const [hint] = await detectHints(application("go.mod"), ".", ["tspack/nodejs"]);
    expect(hint).toContain("go.mod (Go); the builder has tspack/nodejs: another --builder");
  });

  test("without any idea says what is missing", async () => {
    expect((await detectHints(application("notes.txt"), ".", []))[0]).toMatch(
      /^no package\.json, .* or the like in \./,
    );
  });
});
