import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gitWorkingTree } from "../../../lifecycle/platform/source/git-working-tree.ts";
import { gitNote, hasGit } from "../../fakes/git.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-tree-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text: string): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const commit = "0123456789abcdef0123456789abcdef01234567";

describe.skipIf(!hasGit)(`a working tree of git${gitNote}`, () => {
  const env = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@example.com",
  };
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", join(folder, "work"), ...args], { env, encoding: "utf8", stdio: "pipe" }).trim();
  const commitAll = (text: string): string => {
    write("work/file", text);
    git("add", "-A");
    git("commit", "-q", "-m", text);
    return git("rev-parse", "HEAD");
  };
  beforeEach(() => {
    mkdirSync(join(folder, "work"));
    git("init", "-q", "-b", "main");
  });
  const source = (directory = "work") => gitWorkingTree(join(folder, directory));

  test("has its commit, branch and address; before the first commit nothing", () => {
    expect(source()).toBeUndefined();
    const one = commitAll("one");
    expect(source()).toEqual({ type: "git", version: { commit: one }, metadata: { refs: ["main"] } });
    git("remote", "add", "upstream", "https://example.com/up");
    git("remote", "add", "origin", "https://example.com/o.git");
    git("checkout", "-q", "-b", "feature/x");
    const two = commitAll("two");
    expect(source()).toEqual({
      type: "git",
      version: { commit: two },
      metadata: { refs: ["feature/x"], url: "https://example.com/o.git" },
    });
  });

  test("has the tags of its commit, in files of their own and packed, annotated ones too", () => {
    const one = commitAll("one");
    git("tag", "v1");
    git("tag", "-a", "-m", "x", "release/1");
    expect(source()?.metadata).toEqual({ refs: ["main", "release/1", "v1"] });
    git("pack-refs", "--all");
    expect(source()).toMatchObject({ version: { commit: one }, metadata: { refs: ["main", "release/1", "v1"] } });
    git("tag", "nested/late");
    expect(source()?.metadata).toEqual({ refs: ["main", "nested/late", "release/1", "v1"] });
    const two = commitAll("two");
    git("tag", "-a", "-m", "of a file", "file", "HEAD:file");
    expect(source()).toMatchObject({ version: { commit: two }, metadata: { refs: ["main"] } });
  });

  test("may have no branch, and may be a second one of a repository", () => {
    const one = commitAll("one");
    commitAll("two");
    git("remote", "add", "origin", "git@example.com:team/app.git");
    git("worktree", "add", "-q", "-b", "other", join(folder, "second"), one);
    expect(source("second")).toEqual({
      type: "git",
      version: { commit: one },
      metadata: { refs: ["other"], url: "git@example.com:team/app.git" },
    });
    git("checkout", "-q", "--detach", one);
    expect(source()).toMatchObject({ version: { commit: one }, metadata: { refs: [] } });
  });
});

describe("the address of the remote", () => {
  test.each([
    ["https://user:s3cret@example.com/a.git", "https://example.com/a.git"],
    ["https://s3cret@example.com/a.git?token=s3cret#s3cret", "https://example.com/a.git"],
    ["ssh://git:s3cret@example.com/a", "ssh://git@example.com/a"],
    ["git@example.com:a/b", "git@example.com:a/b"],
    ["/home/ann/s3cret", undefined],
    ["file:///home/ann/s3cret", undefined],
    ["ext::sh -c s3cret", undefined],
    ["user:s3cret@example.com:a", undefined],
  ])("%s is shown as %s", (url, shown) => {
    write("app/.git/HEAD", `${commit}\n`);
    write("app/.git/config", `[core]\n\turl = no\n[remote "origin"]\n\turl = ${url}\n`);
    expect(gitWorkingTree(join(folder, "app"))?.metadata).toEqual({
      refs: [],
      ...(shown === undefined ? {} : { url: shown }),
    });
  });
});

describe("what only looks like a repository", () => {
  test.each([
    ["nothing", {}],
    ["an empty directory", { ".git/x": "" }],
    ["a ref outside of refs", { ".git/HEAD": "ref: refs/../../secret\n", secret: commit }],
    ["a name that is no commit", { ".git/HEAD": "main\n" }],
    ["a file that leads nowhere", { ".git": "gitdir: ../absent\n" }],
    ["a file that is none of git's", { ".git": "x".repeat(100) }],
  ] as const)("%s has no source", (_, files) => {
    mkdirSync(join(folder, "app"));
    for (const [path, text] of Object.entries(files)) write(`app/${path}`, text);
    expect(gitWorkingTree(join(folder, "app"))).toBeUndefined();
  });

  test("a pipe in its place is not waited for", () => {
    mkdirSync(join(folder, "app/.git"), { recursive: true });
    symlinkSync("/dev/zero", join(folder, "app/.git/HEAD"));
    expect(gitWorkingTree(join(folder, "app"))).toBeUndefined();
  });
});
