import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { anonymousEnvironment } from "../../../lifecycle/platform/source/git-environment.ts";
import { openApplication, type OpenedApplication } from "../../../lifecycle/platform/source/open-application.ts";
import { gitNote, hasGit } from "../../fakes/git.ts";
import { type GitServer, startGitServer } from "../../fakes/git-server.ts";

test("git that is nobody gets proxies and certificates, and nothing that leads to a credential", () => {
  const env = {
    PATH: "/bin",
    HOME: "/home/ada",
    USER: "ada",
    XDG_CONFIG_HOME: "/home/ada/.config",
    SSH_AUTH_SOCK: "/agent",
    SSH_ASKPASS: "/ask",
    GIT_ASKPASS: "/ask",
    GIT_SSH_COMMAND: "ssh -i key",
    GIT_CONFIG_GLOBAL: "/home/ada/.gitconfig",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: "Authorization: Bearer s3cret",
    GIT_SSL_CAINFO: "/ca.pem",
    https_proxy: "http://proxy",
  };
  expect(anonymousEnvironment(env, "/empty")).toEqual({
    PATH: "/bin",
    HOME: "/empty",
    XDG_CONFIG_HOME: "/empty",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_SSL_CAINFO: "/ca.pem",
    https_proxy: "http://proxy",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "https",
    LC_ALL: "C",
  });
});

describe.skipIf(!hasGit)(`submodules${gitNote}`, () => {
  let folder = "";
  let server: GitServer;
  let env: Readonly<Record<string, string>> = {};
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tspack-submodules-"));
    mkdirSync(join(folder, "served"));
    mkdirSync(join(folder, "home"));
    server = await startGitServer(join(folder, "served"));
    env = {
      PATH: process.env["PATH"] ?? "",
      HOME: join(folder, "home"),
      GIT_SSL_CAINFO: server.certificate,
      NO_PROXY: "*",
    };
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const git = (name: string, ...args: readonly string[]): string => {
    const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
    const all = { ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    return execFileSync("git", ["-C", join(folder, "served", name), ...who, ...args], {
      env: all,
      encoding: "utf8",
    }).trim();
  };
  /** Makes a repository of a file and submodules, each with its address and the repository whose commit it is. */
  const repository = (
    name: string,
    modules: Readonly<Record<string, readonly [url: string, of: string]>> = {},
  ): void => {
    mkdirSync(join(folder, "served", name), { recursive: true });
    git(name, "init", "-q");
    writeFileSync(join(folder, "served", name, "file"), name);
    const text = Object.entries(modules).map(
      ([path, [url]]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`,
    );
    if (text.length > 0) writeFileSync(join(folder, "served", name, ".gitmodules"), text.join(""));
    git(name, "add", "-A");
    for (const [path, [, of]] of Object.entries(modules))
      git(name, "update-index", "--add", "--cacheinfo", `160000,${git(of, "rev-parse", "HEAD")},${path}`);
    git(name, "commit", "-q", "-m", "a");
  };
  const open = async (spec: string, warnings: string[] = []): Promise<OpenedApplication> => {
    const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
    const ctx = { logger, progress: silentProgress, clock: () => new Date(0), signal: new AbortController().signal };
    return openApplication(spec, { cwd: "/", scratch: join(folder, "scratch"), env, ctx });
  };

  test("are fetched by https, theirs as well, at the commits that are named", async () => {
    repository("leaf");
    repository("lib", { deps: ["../leaf", "leaf"] });
    const old = git("lib", "rev-parse", "HEAD");
    repository("app", { "vendor/lib": [`${server.url}/lib`, "lib"], "other dir": ["../leaf", "leaf"] });
    writeFileSync(join(folder, "served/lib/file"), "newer");
    git("lib", "commit", "-q", "-am", "newer");
    expect(git("lib", "rev-parse", "HEAD")).not.toBe(old);
    const warnings: string[] = [];
    const { directory, close } = await open(`git+${server.url}/app`, warnings);
    expect(warnings).toEqual([]);
    const read = (path: string): string => readFileSync(join(directory, path), "utf8");
    expect([read("vendor/lib/file"), read("vendor/lib/deps/file"), read("other dir/file")]).toEqual([
      "lib",
      "leaf",
      "leaf",
    ]);
    expect(readdirSync(join(directory, "vendor/lib"))).not.toContain(".git");
    await close();
    expect(readdirSync(join(folder, "scratch"))).toEqual([]);
  });

  test("see no credential of this person, and those that want one stay empty, with a word", async () => {
    const { host } = new URL(server.url);
    writeFileSync(join(folder, "home/.netrc"), "machine 127.0.0.1\nlogin ada\npassword s3cret\n", { mode: 0o600 });
    writeFileSync(
      join(folder, "home/.gitconfig"),
      `[credential]\n\thelper = "!echo username=ada; echo password=s3cret;:"\n`,
    );
    repository("private/secret");
    repository("leaf");
    repository("private/app", {
      secret: ["../secret", "private/secret"],
      leaf: ["../../leaf", "leaf"],
      local: [`file://${folder}/served/leaf`, "leaf"],
      ssh: [`git@${host}:leaf`, "leaf"],
      password: [`https://ada:s3cret@${host}/leaf`, "leaf"],
    });
    const warnings: string[] = [];
    const { directory, close } = await open(`git+${server.url}/private/app`, warnings);
    expect(readFileSync(join(directory, "leaf/file"), "utf8")).toBe("leaf");
    for (const name of ["secret", "local", "ssh", "password"]) expect(readdirSync(join(directory, name))).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/directories secret, local, ssh, password will be empty.*--recurse-submodules/);
    expect(warnings[0]).not.toContain("s3cret");
    const asked = (path: string) => server.requests.filter((one) => one.path.startsWith(path));
    expect(asked("/private/app").some(({ authorization }) => authorization !== undefined)).toBe(true);
    for (const path of ["/private/secret", "/leaf"]) {
      expect(asked(path).length).toBeGreaterThan(0);
      expect(asked(path).every(({ authorization }) => authorization === undefined)).toBe(true);
    }
    await close();
  });

  test("may have the application, and others are left alone then", async () => {
    repository("leaf");
    repository("app", { in: ["../leaf", "leaf"], beside: [`${server.url}/absent`, "leaf"] });
    const warnings: string[] = [];
    await expect(open(`git+${server.url}/app#main:in/absent`, warnings)).rejects.toMatchObject({ code: "GIT_FAILED" });
    const { directory, close } = await open(`git+${server.url}/app#main:in`, warnings);
    expect(readdirSync(directory)).toEqual(["file"]);
    expect(warnings).toEqual([]);
    await close();
  });

  test("are not written through a link", async () => {
    repository("leaf");
    mkdirSync(join(folder, "served/app"));
    symlinkSync(folder, join(folder, "served/app/link"));
    repository("app", { real: ["../leaf", "leaf"] });
    writeFileSync(join(folder, "served/app/.gitmodules"), '[submodule "x"]\n\tpath = link\n\turl = ../leaf\n');
    git("app", "commit", "-q", "-am", "b");
    const warnings: string[] = [];
    await (await open(`git+${server.url}/app`, warnings)).close();
    expect(warnings.join()).toContain("the directory link will be empty");
    expect(readdirSync(folder).toSorted()).toEqual(["home", "scratch", "served"]);
  });
});
