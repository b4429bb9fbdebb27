import { realpathSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { silence, whileAnswering } from "./answering.ts";
import { fetchSubmodules } from "./fetch-submodules.ts";
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
 * without history and without `.git`, submodules among them. Throws `GIT_FAILED`, `TOOL_MISSING`, `CANCELED`.
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
  await fetchSubmodules({ git, commit, address, tree }, { scratch, env, ctx, patience });
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
