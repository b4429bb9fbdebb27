import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deadPattern, type Selection, selectPaths } from "../../../lifecycle/platform/project/select-paths.ts";
import { gitNote, hasGit } from "../../fakes/git.ts";

const paths = [
  ".env",
  "README.md",
  "a.js",
  "cmd/main.go",
  "node_modules/x/index.js",
  "node_modules/x/README.md",
  "src/.env",
  "src/a.js",
  "src/deep/spec/b.js",
  "spec/c.js",
];

/** The files that take part, asked for as a copy does it: from the top, and not below what is left out. */
async function taken(selection: Selection): Promise<readonly string[]> {
  const include = await selectPaths(selection);
  return paths.filter((path) => {
    const above = [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index + 1));
    return above.every((directory) => include(directory) !== false) && include(path) === true;
  });
}

const without = (...left: readonly string[]): readonly string[] => paths.filter((path) => !left.includes(path));

describe("the files that take part", () => {
  test("are all without patterns", async () => {
    expect(await taken({})).toEqual(paths);
  });

  test.each<readonly [readonly string[], readonly string[]]>([
    [[".env"], without(".env", "src/.env")],
    [["/.env"], without(".env")],
    [["spec/"], without("spec/c.js", "src/deep/spec/b.js")],
    [["/spec"], without("spec/c.js")],
    [["*.js", "!a.js"], without("node_modules/x/index.js", "spec/c.js", "src/deep/spec/b.js")],
    [["**/deep/**"], without("src/deep/spec/b.js")],
    [["# .env", "", "src/*.js"], without("src/a.js")],
    [["README.MD"], paths],
    [["*", "!cmd/"], ["cmd/main.go"]],
    // Other than in git, and as in pack: out of an excluded directory, too.
    [["node_modules/", "!*.md"], without("node_modules/x/index.js")],
    [["!a.js", "*.js"], without("a.js", "node_modules/x/index.js", "src/a.js", "src/deep/spec/b.js", "spec/c.js")],
  ])("are those that exclude %j leaves", async (exclude, expected) => {
    expect(await taken({ exclude })).toEqual(expected);
  });

  test.each<readonly [readonly string[], readonly string[]]>([
    [
      ["cmd/", "*.md"],
      ["README.md", "cmd/main.go", "node_modules/x/README.md"],
    ],
    [
      ["src/", "!.env"],
      ["src/a.js", "src/deep/spec/b.js"],
    ],
    [["spec"], ["src/deep/spec/b.js", "spec/c.js"]],
    [["/absent"], []],
  ])("are those that include %j names", async (include, expected) => {
    expect(await taken({ include })).toEqual(expected);
  });

  test("of exclude and of include with the same patterns are together everything, once", async () => {
    const pattern = fc.constantFrom(
      "*.js",
      "!*.js",
      "src/",
      "!src/deep",
      "**/x",
      "/a.js",
      "node_modules",
      "!README.md",
      ".env",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pattern, { minLength: 1 }), async (patterns) => {
        const both = [...(await taken({ include: patterns })), ...(await taken({ exclude: patterns }))];
        expect(both.sort()).toEqual(paths.toSorted());
      }),
      { numRuns: 50 },
    );
  });

  test.skipIf(!hasGit)(`without negation are those that git does not ignore${gitNote}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "tspack-select-"));
    try {
      for (const path of paths) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), "");
      }
      const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
      execFileSync("git", ["init", "-q", folder], { env });
      const patterns = ["[a-c].js", "src/**/spec", "/cmd/*", "!*.go", "\\#x", "node_modules/*/*.md"];
      writeFileSync(join(folder, ".git/info/exclude"), patterns.join("\n"));
      const listed = execFileSync("git", ["-C", folder, "ls-files", "-o", "--exclude-standard"], {
        env,
        encoding: "utf8",
      });
      expect([...(await taken({ exclude: patterns }))].sort()).toEqual(listed.trim().split("\n").sort());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("patterns that match nothing are told", () => {
  expect(["./.env", "!./a", "../x", ".."].map((pattern) => deadPattern(pattern) !== undefined)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect([".env", "...", "a/../b", "/x"].filter((pattern) => deadPattern(pattern) !== undefined)).toEqual([]);
});
