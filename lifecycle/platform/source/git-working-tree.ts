import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { inflateSync } from "node:zlib";
import type { ProjectSource } from "../../cnb/files/project-metadata.ts";

/** No file of a repository that is read here is larger, but for `packed-refs`. Bytes. */
const largest = 1 << 20;
const largestPackedRefs = 64 << 20;
/** Tags in files of their own that are looked at. */
const mostTags = 10_000;

/**
 * Where the files of a Git working tree come from: the commit that is checked out, the branch and the tags
 * that name it, and the address of its remote without any credential. Files are read and no program is run, because
 * a repository can make `git` run things. Undefined for a directory that is no working tree, and for one whose
 * commit can not be told, such as before the first commit.
 */
export function gitWorkingTree(directory: string): ProjectSource | undefined {
  const own = gitDirectory(join(directory, ".git"));
  if (own === undefined) return undefined;
  // The refs of a second working tree are in the first one's directory, its HEAD is not.
  const common = resolve(own, readText(join(own, "commondir"))?.trim() ?? ".");
  const head = readText(join(own, "HEAD"))?.trim() ?? "";
  const branch = /^ref:\s*(refs\/\S+)$/.exec(head)?.[1];
  const packed = packedRefs(common);
  const commit = branch === undefined ? commitName(head) : commitOf(branch, common, packed);
  if (commit === undefined) return undefined;
  const tags = [...new Set([...packed.tagsOf(commit), ...looseTags(common, commit)])].sort();
  const refs = [...(branch === undefined ? [] : [branch.replace(/^refs\/(?:heads\/)?/, "")]), ...tags];
  const url = remoteAddress(readText(join(common, "config")) ?? "");
  return { type: "git", version: { commit }, metadata: { refs, ...(url === undefined ? {} : { url }) } };
}

/** `.git` is a directory, or a file that names one: second working trees and submodules. */
function gitDirectory(path: string): string | undefined {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info?.isDirectory() === true) return path;
  const named = info?.isFile() === true ? /^gitdir:\s*(.+?)\s*$/.exec(readText(path) ?? "")?.[1] : undefined;
  if (named === undefined) return undefined;
  const directory = resolve(path, "..", named);
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true ? directory : undefined;
}

function commitOf(branch: string, common: string, packed: PackedRefs): string | undefined {
  // What HEAD names is a path below refs, whatever somebody wrote into it.
  if (branch.split("/").some((part) => part === "" || part === "." || part === "..")) return undefined;
  return commitName(readText(join(common, branch))?.trim() ?? "") ?? packed.commits.get(branch);
}

function commitName(text: string): string | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}

interface PackedRefs {
  readonly commits: ReadonlyMap<string, string>;
  tagsOf(commit: string): readonly string[];
}

/** The line behind that of an annotated tag has the commit that it means, after a `^`. */
function packedRefs(common: string): PackedRefs {
  const commits = new Map<string, string>();
  let last = "";
  for (const line of (readText(join(common, "packed-refs"), largestPackedRefs) ?? "").split("\n")) {
    const [, peeled, commit = "", name] = /^(\^?)([0-9a-f]{40,64})(?: (refs\/\S+))?$/.exec(line) ?? [];
    if (name !== undefined) commits.set((last = name), commit);
    else if (peeled === "^" && last !== "") commits.set(last, commit);
  }
  return {
    commits,
    tagsOf: (wanted) =>
      [...commits].flatMap(([name, commit]) =>
        commit === wanted && name.startsWith("refs/tags/") ? [name.slice("refs/tags/".length)] : [],
      ),
  };
}

/** Tags in files of their own: they name the commit itself or, annotated ones, an object that names it. */
function looseTags(common: string, commit: string): readonly string[] {
  const root = join(common, "refs/tags");
  try {
    const entries = readdirSync(root, { withFileTypes: true, recursive: true }).slice(0, mostTags);
    return entries.flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const named = entry.isFile() ? commitName(readText(path)?.trim() ?? "") : undefined;
      const isMeant = named !== undefined && (named === commit || taggedCommit(common, named) === commit);
      return isMeant ? [path.slice(root.length + 1)] : [];
    });
  } catch {
    return [];
  }
}

/** What an annotated tag names, when its object is in a file of its own, as new ones are. Git, gitformat-loose. */
function taggedCommit(common: string, name: string): string | undefined {
  const bytes = readBytes(join(common, "objects", name.slice(0, 2), name.slice(2)), largest);
  if (bytes === undefined) return undefined;
  try {
    const text = inflateSync(bytes, { maxOutputLength: largest }).toString("latin1");
    return /^tag \d+\0object ([0-9a-f]{40}|[0-9a-f]{64})\ntype commit\n/.exec(text)?.[1];
  } catch {
    // A commit or a file that is too large, or nothing that Git wrote.
    return undefined;
  }
}

/** The address of `origin`, else of the first remote. */
function remoteAddress(config: string): string | undefined {
  const urls = new Map<string, string>();
  let remote: string | undefined;
  for (const line of config.split("\n")) {
    const section = /^\s*\[\s*([^\]"\s]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line);
    if (section !== null) remote = section[1]?.toLowerCase() === "remote" ? section[2] : undefined;
    const url = /^\s*url\s*=\s*"?([^"#;]+?)"?\s*(?:[#;].*)?$/i.exec(line)?.[1];
    if (remote !== undefined && url !== undefined && !urls.has(remote)) urls.set(remote, url);
  }
  const address = urls.get("origin") ?? [...urls.values()][0];
  return address === undefined ? undefined : publicAddress(address);
}

/** An address that others may read: no credential, and no path of this machine. */
function publicAddress(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(?:https?|ssh|git):$/.test(url.protocol) && url.host !== "") {
    // The user of ssh is a part of the way there, as in git@; that of https may be a token.
    if (url.protocol !== "ssh:") url.username = "";
    url.password = "";
    url.search = "";
    url.hash = "";
    return url.href;
  }
  return /^(?:[\w.-]+@)?[\w.-]+:(?!\/\/)[^\s:@]+$/.test(text) ? text : undefined;
}

function readText(path: string, limit = largest): string | undefined {
  return readBytes(path, limit)?.toString("utf8");
}

function readBytes(path: string, limit: number): Buffer | undefined {
  try {
    // Nothing that waits for a writer, and nothing endless.
    const info = statSync(realpathSync(path));
    return info.isFile() && info.size <= limit ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}
