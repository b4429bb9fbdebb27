import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "awk", "git");
const ID = "git-metadata";

describe.skipIf(tools.skip)(`git-metadata${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  function git(...args: readonly string[]): string {
    const names = ["-c", "user.name=me", "-c", "user.email=me@host.test", "-c", "init.defaultBranch=main"];
    return execFileSync("git", [...names, ...args], { cwd: workspace.app, stdio: "pipe" })
      .toString()
      .trim();
  }

  function commit(): string {
    if (!existsSync(join(workspace.app, ".git"))) git("init", "-q");
    git("commit", "-q", "--allow-empty", "-m", "a commit");
    return git("rev-parse", "HEAD");
  }

  async function labels(env = {}): Promise<Readonly<Record<string, string>>> {
    expect(await workspace.build(ID, [], env)).toMatchObject({ code: 0 });
    const found = (workspace.toml(ID, "launch.toml")["labels"] ?? []) as readonly { key: string; value: string }[];
    return Object.fromEntries(found.map(({ key, value }) => [key.replace("org.opencontainers.image.", ""), value]));
  }

  it("takes part for a working tree, or when the platform names a commit, and can be switched off", async () => {
    expect(await workspace.detect(ID)).toMatchObject({ code: 100, output: "no .git\n" });
    expect(await workspace.detect(ID, { TSPACK_SOURCE_REVISION: "0".repeat(40) })).toMatchObject({ code: 0 });
    commit();
    expect(await workspace.detect(ID)).toMatchObject({ code: 0 });
    expect(await workspace.detect(ID, { BP_GIT_METADATA: "false" })).toMatchObject({ code: 100 });
  });

  it("labels the commit of a branch, of a detached head and of packed refs, and tells later buildpacks", async () => {
    const first = commit();
    const second = commit();
    expect(await labels()).toEqual({ revision: second });
    const variable = join(workspace.layers(ID), "revision/env.build/REVISION.default");
    expect(readFileSync(variable, "utf8")).toBe(second);
    expect(workspace.toml(ID, "revision.toml")).toEqual({ types: { build: true } });
    git("pack-refs", "--all");
    expect(await labels()).toEqual({ revision: second });
    git("checkout", "-q", "--detach", first);
    expect(await labels()).toEqual({ revision: first });
  });

  it("takes the last tag of the commit, light or annotated, loose or packed", async () => {
    commit();
    git("tag", "v0.9");
    const revision = commit();
    git("tag", "v1.9");
    expect(await labels()).toEqual({ revision, version: "v1.9" });
    git("tag", "-a", "v1.10", "-m", "release");
    expect(await labels()).toEqual({ revision, version: "v1.10" });
    git("pack-refs", "--all");
    expect(await labels()).toEqual({ revision, version: "v1.10" });
  });

  it.each([
    ["https://me:SEC@RET@host.test/a/b.git", "https://host.test/a/b.git"],
    ["https://SECRET@host.test/a?token=SECRET", "https://host.test/a"],
    ["git@host.test:a/b.git", "ssh://host.test/a/b.git"],
    ["ssh://git@host.test:22/a/b.git", "ssh://host.test:22/a/b.git"],
    ["/home/me/repository", undefined],
    ["file:///home/me/repository", undefined],
  ])("the origin %s is labelled %s", async (url, source) => {
    const revision = commit();
    git("remote", "add", "other", "https://other.test/x");
    git("remote", "add", "origin", url);
    expect(await labels()).toEqual({ revision, ...(source === undefined ? {} : { source }) });
  });

  it("takes what the platform says where there is no .git", async () => {
    const env = { TSPACK_SOURCE_REVISION: "a".repeat(40), TSPACK_SOURCE_URL: "https://me:SECRET@host.test/a" };
    expect(await labels(env)).toEqual({ revision: "a".repeat(40), source: "https://host.test/a" });
  });

  it("labels nothing before the first commit", async () => {
    git("init", "-q");
    expect(await labels()).toEqual({});
  });
});
