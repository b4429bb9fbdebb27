import { existsSync, realpathSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { type GitAddress, withoutUserInfo } from "./git-address.ts";
import { gitEnvironment, type Env } from "./git-environment.ts";

/** An application out of a repository. */
export interface FetchedGit {
  readonly directory: string;
  /** The full name of the commit. */
  readonly commit: string;
}

/**
 * Fetches one commit of a repository with the `git` program and puts its files into `scratch`,
 * without history and without `.git`. Throws `GIT_FAILED`, `TOOL_MISSING`, `CANCELED`.
 */
export async function fetchGit(
  address: GitAddress,
  { scratch, env, ctx }: { readonly scratch: string; readonly env: Env; readonly ctx: Context },
): Promise<FetchedGit> {
  const [repository, tree] = [join(scratch, "repository"), join(scratch, "tree")];
  const git = new Git(repository, gitEnvironment(env, address.protocol), address, ctx);
  ctx.logger.info(`Fetching ${address.url}${address.ref === undefined ? "" : ` at ${address.ref}`}`);
  // A template could bring hooks.
  await git.run(["init", "--quiet", "--bare", "--template=", "--", repository], "can not be made ready");
  const commit = await fetchCommit(git, address);
  await mkdir(tree, { mode: 0o700 });
  await git.run(
    ["--work-tree", tree, "checkout", "--quiet", "--force", "--detach", commit],
    "has files that can not be written",
  );
  if (existsSync(join(tree, ".gitmodules"))) {
    ctx.logger.warn(`${address.url} has submodules, which are not fetched; their directories are empty`);
  }
  return { directory: applicationIn(tree, address), commit };
}

async function fetchCommit(git: Git, { ref = "HEAD", url }: GitAddress): Promise<string> {
  const shallow = await git.try(["fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref]);
  if (shallow.ok) return git.commit("FETCH_HEAD");
  // Servers need not give commits by name, and never by a part of it: then it is looked for in all.
  if (!/^[0-9a-f]{4,64}$/.test(ref)) throw git.failure(shallow.text, `can not be fetched at ${ref}`);
  const everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
  await git.run(["fetch", "--quiet", "--no-tags", "--", url, ...everything], "can not be fetched");
  return git.commit(ref);
}

function applicationIn(tree: string, { subdirectory, url }: GitAddress): string {
  if (subdirectory === "") return tree;
  const directory = join(tree, subdirectory);
  const real = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true ? realpathSync(directory) : "";
  // A link in the repository must not make a directory of this machine the application.
  if (real.startsWith(`${realpathSync(tree)}/`)) return real;
  throw new TspackError("GIT_FAILED", `${url} has no directory ${subdirectory}`, {
    hint: "the part behind the colon is the application's directory in the repository",
  });
}

/** The `git` program in one bare repository. */
class Git {
  readonly #repository: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #address: GitAddress;
  readonly #ctx: Context;

  constructor(repository: string, env: Readonly<Record<string, string>>, address: GitAddress, ctx: Context) {
    this.#repository = repository;
    this.#env = env;
    this.#address = address;
    this.#ctx = ctx;
  }

  async try(args: readonly string[]): Promise<{ readonly ok: boolean; readonly text: string }> {
    const { execa } = await import("execa");
    const { signal } = this.#ctx;
    const result = await execa("git", [...safeSettings, "--git-dir", this.#repository, ...args], {
      env: this.#env,
      extendEnv: false,
      stdin: "ignore",
      reject: false,
      all: true,
      cancelSignal: signal,
      maxBuffer: 1 << 20,
    });
    if (result.isCanceled || signal.aborted) throw new TspackError("CANCELED", "canceled");
    if (result.code === "ENOENT") {
      throw new TspackError("TOOL_MISSING", "the program git is not installed", {
        hint: "install git, or give a directory or an archive with --path",
      });
    }
    return { ok: !result.failed, text: result.failed ? result.all : result.stdout };
  }

  async run(args: readonly string[], failed: string): Promise<string> {
    const { ok, text } = await this.try(args);
    if (!ok) throw this.failure(text, failed);
    return text.trim();
  }

  commit(name: string): Promise<string> {
    return this.run(
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`],
      `has no commit ${name}`,
    );
  }

  /** What git said, without credentials that a server's or a helper's message may have in an address. */
  failure(text: string, what: string): TspackError {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const said = withoutUserInfo(lines.slice(-5).join("; ")).slice(0, 2000);
    return new TspackError("GIT_FAILED", `${this.#address.url} ${what}`, {
      cause: said === "" ? undefined : new Error(said),
      hint: hintFor(text),
    });
  }
}

function hintFor(text: string): string {
  if (
    /could not read (Username|Password)|Authentication failed|Permission denied|terminal prompts disabled/i.test(text)
  )
    return "nothing is asked here: let git find the credential by its credential helper, GIT_ASKPASS or ssh-agent";
  if (/couldn't find remote ref/i.test(text)) return "check the branch, the tag or the commit after #";
  if (/dubious ownership/i.test(text)) return "add the repository to git's safe.directory, or clone it yourself";
  return "check the address, the network and your rights; git clone with the same address has to work";
}

/** Nothing that a repository brings is run, and files come as they are in it. */
const safeSettings = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.autocrlf", "false"],
  ["core.symlinks", "true"],
  ["gc.auto", "0"],
  ["advice.detachedHead", "false"],
  ["submodule.recurse", "false"],
  ["credential.interactive", "false"],
  // A server that sends hardly anything for a minute does not come back; bytes a second, seconds.
  ["http.lowSpeedLimit", "100"],
  ["http.lowSpeedTime", "60"],
].flatMap(([key, value]) => ["-c", `${key}=${value}`]);
