import { realpathSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { silence, whileAnswering } from "./answering.ts";
import type { GitAddress } from "./git-address.ts";
import { gitEnvironment, type Env } from "./git-environment.ts";
import { Git } from "./git-program.ts";

/** An application out of a repository. */
export interface FetchedGit {
  readonly directory: string;
  /** The full name of the commit. */
  readonly commit: string;
}

/** What fetching works with. */
export interface FetchGitOptions {
  readonly scratch: string;
  readonly env: Env;
  readonly ctx: Context;
  /** Milliseconds that a server gets for its first answer; for tests. */
  readonly patience?: number | undefined;
}

/**
 * Fetches one commit of a repository with the `git` program and puts its files into `scratch`,
 * without history and without `.git`. Throws `GIT_FAILED`, `TOOL_MISSING`, `CANCELED`.
 */
export async function fetchGit(
  address: GitAddress,
  { scratch, env, ctx, patience = silence }: FetchGitOptions,
): Promise<FetchedGit> {
  const [repository, tree] = [join(scratch, "repository"), join(scratch, "tree")];
  const git = new Git(repository, gitEnvironment(env, address.protocol), address, ctx);
  ctx.logger.info(`Fetching ${address.url}${address.ref === undefined ? "" : ` at ${address.ref}`}`);
  // A template could bring hooks.
  await git.run(["init", "--quiet", "--bare", "--template=", "--", repository], "can not be made ready");
  const commit = await whileAnswering(git, address, patience, (one) => fetchCommit(one, address));
  await mkdir(tree, { mode: 0o700 });
  await git.run(
    ["--work-tree", tree, "checkout", "--quiet", "--force", "--detach", commit],
    "has files that can not be written",
  );
  await warnOfSubmodules(git, commit, address, ctx);
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

/**
 * Submodules are other repositories, which a stranger's `.gitmodules` names: what this person's credentials
 * open of them would get into the image of somebody else.
 */
async function warnOfSubmodules(git: Git, commit: string, address: GitAddress, { logger }: Context): Promise<void> {
  const pattern = "^submodule\\..*\\.path$";
  const { ok, text } = await git.try(["config", "--blob", `${commit}:.gitmodules`, "-z", "--get-regexp", pattern]);
  const all = ok ? text.split("\0").map((entry) => entry.slice(entry.indexOf("\n") + 1)) : [];
  const below = address.subdirectory === "" ? "" : `${address.subdirectory}/`;
  const paths = all.filter((path) => path !== "" && path.startsWith(below));
  if (paths.length === 0) return;
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  logger.warn(
    `${address.url} has submodules, which are not fetched: the ${paths.length === 1 ? "directory" : "directories"} ` +
      `${paths.slice(0, 5).join(", ")}${more} will be empty. To build with them, git clone --recurse-submodules and ` +
      `give the directory with --path`,
  );
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
