import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const text = readFileSync(join(root, "README.md"), "utf8");
const [, section = ""] = /\n## Compared with others\n(.*?)\n## /s.exec(text) ?? [];
const [header = [], , ...rows] = section
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** A test as the table names it: its file, and its name as the link's title. */
interface NamedTest {
  readonly file: string;
  readonly name: string;
}

const testsIn = (cell: string): readonly NamedTest[] =>
  [...cell.matchAll(/\]\(([^ )]+) "([^"]+)"\)/g)].map(([, file = "", name = ""]) => ({ file, name }));
const named = rows.flatMap(([, own = ""]) => testsIn(own));

describe("the comparison in the README", () => {
  test("has tspack first, and a cell for everybody in every row", () => {
    expect(header.map((cell) => cell.replace(/^\[([^\]]*)\].*/, "$1"))).toEqual([
      ...["", "tspack", "pack", "kpack", "S2I", "Kaniko", "Buildah", "Jib"],
    ]);
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) expect([row[0], row.length, row.every((cell) => cell !== "")]).toEqual([row[0], 8, true]);
  });

  test("says what tspack does not do as well", () => {
    expect(rows.filter(([, own = ""]) => /^no\b/.test(own)).length).toBeGreaterThan(3);
  });

  test("claims nothing of tspack without a test", () => {
    const claims = rows.filter(
      ([what = "", own = ""]) => !/^no\b|not tested|hardly/.test(own) && what !== "needs besides",
    );
    expect(claims.filter(([, own = ""]) => testsIn(own).length === 0).map(([what]) => what)).toEqual([]);
  });

  test.each(named)("$file has the test: $name", ({ file, name }) => {
    expect(existsSync(join(root, file))).toBe(true);
    expect(readFileSync(join(root, file), "utf8")).toContain(name);
  });
});

test("files and folders that the README links are there", () => {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^ )#]+)[^)]*\)/g)].map(([, path = ""]) => path);
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
