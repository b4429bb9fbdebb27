import { lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { whileAnswering } from "./answering.ts";
import { type GitAddress, parseGitAddress } from "./git-address.ts";
import { anonymousEnvironment, type Env } from "./git-environment.ts";
import { Git } from "./git-program.ts";

/** A repository whose files are there, and whose submodules are to be put among them. */
export interface Superproject {
  readonly git: Git;
  readonly commit: string;
  readonly address: GitAddress;
  /** Where its files are. */
  readonly tree: string;
}

/** What fetching submodules works with. */
export interface SubmoduleOptions {
  /** A directory for repositories, which is this work's own. */
  readonly scratch: string;
  readonly env: Env;
  readonly ctx: Context;
  /** Milliseconds that a server gets for its first answer. */
  readonly patience: number;
}

/** Submodules of submodules, and all together: what names them is a stranger's file. */
const deepest = 5;
const most = 50;

/**
 * Fetches the submodules below the application's directory, and theirs, without history. A stranger's
 * `.gitmodules` says where they are, and what this person's credentials open must not get among somebody else's
 * code: so they are fetched by https and without any credential, whatever the repository itself was fetched with.
 * What can not be had that way stays empty, which is warned of. Throws `CANCELED`.
 */
export async function fetchSubmodules(top: Superproject, options: SubmoduleOptions): Promise<void> {
  const left: string[] = [];
  let count = 0;
  const below = top.address.subdirectory === "" ? "" : `${top.address.subdirectory}/`;
  const visit = async (project: Superproject, prefix: string, depth: number): Promise<void> => {
    for (const { path, url } of await listed(project)) {
      const shown = `${prefix}${path}`;
      // The application may be inside of one.
      if (!shown.startsWith(below) && !below.startsWith(`${shown}/`)) continue;
      const found = depth > deepest || ++count > most ? undefined : await addressOf(project, path, url);
      const inner = found === undefined ? undefined : await fetchOne(project, path, found, count, options);
      if (inner === undefined) left.push(shown);
      else await visit(inner, `${shown}/`, depth + 1);
    }
  };
  await visit(top, "", 1);
  if (left.length > 0) options.ctx.logger.warn(leftText(top.address, left));
}

interface Listed {
  readonly path: string;
  readonly url: string;
}

/** What `.gitmodules` of the commit names. */
async function listed({ git, commit }: Superproject): Promise<readonly Listed[]> {
  const pattern = "^submodule\\..*\\.(path|url)$";
  const { ok, text } = await git.try(["config", "--blob", `${commit}:.gitmodules`, "-z", "--get-regexp", pattern]);
  if (!ok) return [];
  const modules = new Map<string, Partial<Listed>>();
  for (const entry of text.split("\0")) {
    const [, name = "", key, value = ""] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (key !== undefined) modules.set(name, { ...modules.get(name), [key]: value });
  }
  return [...modules.values()].flatMap(({ path = "", url = "" }) => (path === "" ? [] : [{ path, url }]));
}

/** Where a submodule is fetched from, at the commit that the tree names; undefined: nowhere. */
async function addressOf(
  { git, commit, address }: Superproject,
  path: string,
  url: string,
): Promise<GitAddress | undefined> {
  const { ok, text } = await git.try(["--literal-pathspecs", "ls-tree", "-z", commit, "--", path]);
  const [, ref, named] = /^160000 commit ([0-9a-f]{40,64})\t([^\0]+)\0$/.exec(text) ?? [];
  if (!ok || ref === undefined || named !== path) return undefined;
  const isRelative = url.startsWith("./") || url.startsWith("../");
  if (isRelative && address.protocol !== "https") return undefined;
  const absolute = isRelative ? new URL(url, `${address.url.replace(/\/+$/, "")}/`).href : url;
  if (!/^https:\/\//i.test(absolute) || absolute.includes("#")) return undefined;
  try {
    const found = parseGitAddress(`git+${absolute}`);
    return found === undefined ? undefined : { ...found, ref };
  } catch {
    // A password in it, or no address at all.
    return undefined;
  }
}

async function fetchOne(
  { tree }: Superproject,
  path: string,
  address: GitAddress,
  number: number,
  { scratch, env, ctx, patience }: SubmoduleOptions,
): Promise<Superproject | undefined> {
  const place = emptyDirectory(tree, path);
  if (place === undefined) return undefined;
  const [repository, home] = [join(scratch, `submodule-${number}`), join(scratch, "no-home")];
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const git = new Git(repository, anonymousEnvironment(env, home), address, ctx);
  const { url, ref = "" } = address;
  ctx.logger.info(`Fetching submodule ${path} from ${url}`);
  try {
    await git.run(["init", "--quiet", "--bare", "--template=", "--", repository], "can not be made ready");
    await whileAnswering(git, address, patience, async (one) => {
      const what = ["fetch", "--quiet", "--no-tags"];
      if ((await one.try([...what, "--depth=1", "--", url, ref])).ok) return;
      // Servers need not give commits by name.
      await one.run([...what, "--", url, "+refs/heads/*:refs/remotes/origin/*"], "can not be fetched");
    });
    const commit = await git.commit(ref);
    await git.run(["--work-tree", place, "checkout", "--quiet", "--force", "--detach", commit], "can not be written");
    return { git, commit, address, tree: place };
  } catch (error) {
    if (!(error instanceof TspackError) || error.code !== "GIT_FAILED") throw error;
    ctx.logger.debug(`${error.message}: ${error.cause instanceof Error ? error.cause.message : ""}`);
    await rm(repository, { recursive: true, force: true });
    return undefined;
  }
}

/** The directory that git left for a submodule, unless something made it another one. */
function emptyDirectory(tree: string, path: string): string | undefined {
  const place = join(tree, path);
  const isOwn = lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
  // No link on the way may lead out of the tree.
  if (!isOwn || realpathSync(place) !== join(realpathSync(tree), path)) return undefined;
  return readdirSync(place).length === 0 ? place : undefined;
}

function leftText({ url }: GitAddress, left: readonly string[]): string {
  const more = left.length > 5 ? ` and ${left.length - 5} more` : "";
  return (
    `${url} has submodules that can not be fetched by https without a credential: the ` +
    `${left.length === 1 ? "directory" : "directories"} ${left.slice(0, 5).join(", ")}${more} will be empty. ` +
    `To build with them, git clone --recurse-submodules and give the directory with --path`
  );
}
