import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pathMatcher } from "../../../lifecycle/platform/stack/path-rules.ts";
import { readStackFile } from "../../../lifecycle/platform/stack/stack-file.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tspack-stack-file-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("readStackFile", () => {
  test("reads the default stack, which has an unprivileged user and a package manager in the build image only", async () => {
    const path = fileURLToPath(new URL("../../../stacks/bookworm/stack.toml", import.meta.url));
    const stack = await readStackFile(path);
    expect(stack.user).toMatchObject({ name: "cnb", uid: 1000, gid: 1000, home: "home/cnb" });
    const managers = (names: readonly string[]): readonly string[] =>
      names.filter((name) => ["apt", "dpkg"].includes(name));
    expect(managers(stack.packages.run)).toEqual([]);
    expect(managers(stack.packages.build)).toEqual(["apt", "dpkg"]);
    expect(stack.packages.omit).toContain("dpkg");
    expect(stack.keyrings.every((keyring) => keyring.endsWith("stacks/keyrings/debian-12.asc"))).toBe(true);
  });

  test("names every problem with its place", async () => {
    const path = join(dir, "stack.toml");
    const text = [
      'id = "x"',
      "name = 3",
      'path = "/bin"',
      'distribution = { name = "debian", version = "12" }',
      'archive = { components = ["main"], keyrings = ["k"], suites = [], pins = [{ package = "a" }] }',
      'packages = { run = [], build = ["a", "b | c"] }',
      "[user]",
      'name = "cnb"',
      "uid = 0",
      "gid = 1000",
      'home = "home/cnb"',
      'shell = "/bin/sh"',
      "[contents]",
      'files = [{ path = "/etc/../x", mode = "rw-" }]',
    ];
    await writeFile(path, text.join("\n"));
    await expect(readStackFile(path)).rejects.toMatchObject({
      code: "INVALID_STACK",
      issues: [
        { source: `${path}:2:1`, path: "name" },
        { path: "archive.suites" },
        { path: "archive.pins[0].priority" },
        { path: "packages.build[1]" },
        { path: "packages.run" },
        { source: `${path}:9:1`, path: "user.uid" },
        { source: `${path}:11:1`, path: "user.home" },
        { path: "contents.files[0].path" },
        { path: "contents.files[0].mode" },
      ],
    });
  });

  test("reads pins and versions", async () => {
    const path = join(dir, "pinned.toml");
    const whole = await readFile(
      fileURLToPath(new URL("../../../stacks/bookworm/stack.toml", import.meta.url)),
      "utf8",
    );
    const pin = '[[archive.pins]]\npackage = "nodejs"\nsuite = "bookworm"\npriority = 990\n\n[packages]';
    await writeFile(path, whole.replace("[packages]", pin).replace('"netbase"', '"netbase=6.4"'));
    const stack = await readStackFile(path);
    expect(stack.pins).toEqual([{ package: "nodejs", suite: "bookworm", priority: 990 }]);
    expect(stack.packages.run).toContain("netbase=6.4");
  });

  test("says which file is missing", async () => {
    await expect(readStackFile(join(dir, "absent.toml"))).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  });
});

test("a star stays within a name, two stars do not, and other signs stand for themselves", () => {
  const matches = pathMatcher(["/usr/share/doc/*/**", "/usr/lib/lib*.so.1", "/a+b"]);
  expect(["usr/share/doc/x/y", "usr/share/doc/x/y/z", "usr/lib/libc.so.1", "a+b"].every(matches)).toBe(true);
  expect(["usr/share/doc/x", "usr/lib/x/libc.so.1", "usr/lib/libcxso.1", "aab", "x/a+b"].some(matches)).toBe(false);
});
