import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { gitEnvironment } from "../../../lifecycle/platform/source/git-environment.ts";
import { parseGitAddress } from "../../../lifecycle/platform/source/git-address.ts";
import {
  openApplication,
  type OpenApplicationOptions,
  type OpenedApplication,
} from "../../../lifecycle/platform/source/open-application.ts";
import { gitNote, hasGit } from "../../fakes/git.ts";

const code = (value: string): object => expect.objectContaining({ code: value }) as object;

describe("the address of a repository", () => {
  test("has a protocol, a ref and a directory", () => {
    expect(parseGitAddress("./git+x")).toBeUndefined();
    expect(parseGitAddress("git+https://example.com/a/b.git")).toEqual({
      url: "https://example.com/a/b.git",
      protocol: "https",
      ref: undefined,
      subdirectory: "",
    });
    expect(parseGitAddress("git+ssh://git@example.com/a#feature/x:apps/web/")).toEqual({
      url: "ssh://git@example.com/a",
      protocol: "ssh",
      ref: "feature/x",
      subdirectory: "apps/web",
    });
    expect(parseGitAddress("git+file:///srv/a#:sub")).toMatchObject({ ref: undefined, subdirectory: "sub" });
  });

  test.each([
    "git+http://example.com/a",
    "git+ext::sh -c id",
    "git+https://",
    "git+https://example.com/a b",
    "git+ssh://-oProxyCommand=id/a",
    "git+file://host/a",
    "git+https://example.com/a#-x",
    "git+https://example.com/a#--upload-pack=id",
    "git+https://example.com/a#a..b",
    "git+https://example.com/a#+refs/heads/*",
    "git+https://example.com/a#main:../x",
    "git+https://example.com/a#main:/etc",
  ])("%s is refused", (text) => {
    expect(() => parseGitAddress(text)).toThrow(code("INVALID_ARGUMENTS"));
  });

  test.each([
    "git+https://user:s3cret@example.com/a",
    "git+https://s3cret@example.com/a",
    "git+ssh://git:s3cret@example.com/a",
  ])("%s is refused, because arguments are no place for a credential, and the message does not repeat it", (text) => {
    const thrown = ((): unknown => {
      try {
        return parseGitAddress(text);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toEqual(code("INVALID_ARGUMENTS"));
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain("s3cret");
  });
});

test("git gets of the environment what it needs for the network, and asks nothing", () => {
  const env = {
    PATH: "/bin",
    HOME: "/root",
    https_proxy: "http://proxy",
    GIT_DIR: "/x",
    GIT_TRACE_CURL: "1",
    CNB_REGISTRY_AUTH: "secret",
    GIT_CONFIG_KEY_0: "a.b",
  };
  expect(gitEnvironment(env, "https")).toEqual({
    PATH: "/bin",
    HOME: "/root",
    https_proxy: "http://proxy",
    GIT_CONFIG_KEY_0: "a.b",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=20",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "https",
    LC_ALL: "C",
  });
});

describe.skipIf(!hasGit)(`a repository${gitNote}`, () => {
  let folder = "";
  let env: Readonly<Record<string, string>> = {};
  const commits: string[] = [];

  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", join(folder, "work"), ...args], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const commit = (text: string): void => {
    writeFileSync(join(folder, "work/version"), text);
    git("add", "-A");
    git("commit", "-q", "-m", text);
    commits.push(git("rev-parse", "HEAD"));
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tspack-git-"));
    mkdirSync(join(folder, "work/apps/web/bin"), { recursive: true });
    env = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@example.com",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@example.com",
    };
    git("init", "-q", "-b", "main");
    writeFileSync(join(folder, "work/apps/web/bin/start"), "#!/bin/sh\n");
    chmodSync(join(folder, "work/apps/web/bin/start"), 0o755);
    symlinkSync("/", join(folder, "work/outside"));
    symlinkSync("apps/web", join(folder, "work/inside"));
    commit("one");
    git("tag", "v1");
    commit("two");
    git("checkout", "-q", "-b", "feature/x");
    commit("three");
    git("checkout", "-q", "main");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const open = (fragment: string, more: Partial<OpenApplicationOptions> = {}): Promise<OpenedApplication> => {
    const ctx: Context = {
      logger: silentLogger,
      progress: silentProgress,
      clock: () => new Date(0),
      signal: new AbortController().signal,
    };
    return openApplication(`git+file://${folder}/work${fragment}`, {
      cwd: "/",
      scratch: join(folder, "scratch"),
      env,
      ctx,
      ...more,
    });
  };

  test("is fetched at its branch, a branch, a tag and a commit, by a part of its name too", async () => {
    const [one = "", two = "", three = ""] = commits;
    const cases = [
      ["", "two", two],
      ["#v1", "one", one],
      ["#feature/x", "three", three],
      [`#${one}`, "one", one],
      [`#${three.slice(0, 12)}`, "three", three],
    ] as const;
    for (const [fragment, text, hash] of cases) {
      const { directory, source, close } = await open(fragment);
      expect(readFileSync(join(directory, "version"), "utf8")).toBe(text);
      expect(source).toMatchObject({ type: "git", version: { commit: hash } });
      expect(readdirSync(directory)).not.toContain(".git");
      await close();
    }
    expect(readdirSync(join(folder, "scratch"))).toEqual([]);
  });

  test("gives a directory of it, through links that stay inside", async () => {
    for (const name of ["apps/web", "inside"]) {
      const { directory, close } = await open(`#main:${name}`);
      expect(readdirSync(directory)).toEqual(["bin"]);
      await close();
    }
    for (const name of ["outside", "outside/etc", "absent", "version"])
      await expect(open(`#main:${name}`)).rejects.toEqual(code("GIT_FAILED"));
    expect(readdirSync(join(folder, "scratch"))).toEqual([]);
  });

  test("that is not there, or has no such ref, is a clear failure", async () => {
    await expect(open("#absent")).rejects.toMatchObject({
      code: "GIT_FAILED",
      hint: expect.stringContaining("branch") as string,
    });
    await expect(open("#0123456789abcdef0123456789abcdef01234567")).rejects.toEqual(code("GIT_FAILED"));
    await expect(open("/absent")).rejects.toEqual(code("GIT_FAILED"));
    await expect(open("", { env: { ...env, PATH: "/nonexistent" } })).rejects.toEqual(code("TOOL_MISSING"));
    expect(readdirSync(join(folder, "scratch"))).toEqual([]);
  });

  test("runs nothing that it or the person's templates bring", async () => {
    const mark = join(folder, "hook-ran");
    mkdirSync(join(folder, "template/hooks"), { recursive: true });
    writeFileSync(join(folder, "template/hooks/post-checkout"), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    const { close } = await open("", {
      env: {
        ...env,
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "init.templateDir",
        GIT_CONFIG_VALUE_0: join(folder, "template"),
      },
    });
    await close();
    expect(existsSync(mark)).toBe(false);
  });

  test("with submodules says which of their directories stay empty, and what to do", async () => {
    const modules = ["lib/one", "apps/web/two"].map(
      (path) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ../x\n`,
    );
    git("checkout", "-q", "-b", "with-modules");
    writeFileSync(join(folder, "work/.gitmodules"), modules.join(""));
    commit("modules");
    git("checkout", "-q", "main");
    const warnings: string[] = [];
    const ctx = {
      logger: { ...silentLogger, warn: (line: string) => void warnings.push(line) },
      progress: silentProgress,
      clock: () => new Date(0),
      signal: new AbortController().signal,
    };
    await (await open("#with-modules", { ctx })).close();
    await (await open("#with-modules:apps/web", { ctx })).close();
    expect(warnings[0]).toMatch(/ lib\/one, apps\/web\/two will be empty.*--recurse-submodules/);
    expect(warnings[1]).toContain("the directory apps/web/two will be empty");
    expect(warnings).toHaveLength(2);
  });

  test("is not waited for when the build is canceled", async () => {
    const ctx = {
      logger: silentLogger,
      progress: silentProgress,
      clock: () => new Date(0),
      signal: AbortSignal.abort(),
    };
    await expect(open("", { ctx })).rejects.toEqual(code("CANCELED"));
  });
});

describe.skipIf(!hasGit)(`a server${gitNote}`, () => {
  let server: Server;
  const sockets: Socket[] = [];
  let port = 0;
  let directory = "";

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tspack-git-server-"));
    server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("that takes connections and never says anything, not even for TLS, is given up, and git with it", async () => {
    const ctx = {
      logger: silentLogger,
      progress: silentProgress,
      clock: () => new Date(0),
      signal: new AbortController().signal,
    };
    const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: directory, NO_PROXY: "*" };
    const options = { cwd: "/", scratch: directory, env, ctx, patience: 300 };
    await expect(openApplication(`git+https://127.0.0.1:${port}/x`, options)).rejects.toMatchObject({
      code: "GIT_FAILED",
      message: expect.stringContaining("does not answer within 0.6 seconds") as string,
    });
    expect(sockets).toHaveLength(2);
    for (const socket of sockets) if (!socket.destroyed) await once(socket.resume(), "close");
    expect(readdirSync(directory)).toEqual([]);
  });
});
