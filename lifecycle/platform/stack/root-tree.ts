import { TspackError } from "../../errors.ts";
import type { DebEntry } from "../debian/deb.ts";
import { pathMatcher } from "./path-rules.ts";
import type { StackFile } from "./stack-file.ts";

/** What of a root file system is there already, by path, with who brought it. */
export interface RootTree {
  /**
   * What to write for an entry, in order: its parents where they are missing, then itself,
   * under the name that it has where directories are merged. Empty when it is there already
   * or the stack drops it. Throws `INVALID_STACK` when it would replace something else or lie
   * below something that is no directory: a symlink there could point anywhere.
   */
  place(entry: DebEntry, owner: string): readonly DebEntry[];
  has(path: string): boolean;
}

/** An empty root file system under a stack's rules about merged directories and dropped paths. */
export function openRootTree(stack: Pick<StackFile, "links" | "drop" | "keep">, arch: string): RootTree {
  const present = new Map<string, Present>();
  const drops = pathMatcher(stack.drop);
  const keeps = pathMatcher(stack.keep);
  const merge = merger(stack, arch);

  const add = (entry: DebEntry, owner: string): DebEntry => {
    present.set(entry.path, { type: entry.type, linkname: entry.linkname, owner });
    return entry;
  };

  const parentsOf = (path: string, owner: string): readonly DebEntry[] => {
    const made: DebEntry[] = [];
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      const parent = path.slice(0, at);
      const there = present.get(parent);
      if (there?.type === "dir") continue;
      if (there !== undefined) throw refused(`${owner} has ${path}, but ${there.owner} has ${parent} as ${there.type}`);
      made.push(add({ path: parent, type: "dir", mode: 0o755, uid: 0, gid: 0 }, owner));
    }
    return made;
  };

  const place = (entry: DebEntry, owner: string): readonly DebEntry[] => {
    // A package's own directory gives way to the link; the link is what is declared under this very name.
    const path = merge(entry.path) ?? (entry.type === "symlink" ? entry.path : undefined);
    if (path === undefined || (drops(path) && !keeps(path))) return [];
    const there = present.get(path);
    if (there !== undefined && (isSame(there, entry) || isSelfLink(entry, path, merge))) return [];
    if (there !== undefined) throw refused(`/${path} is in ${there.owner} and in ${owner}`);
    const linkname = entry.type === "hardlink" ? merge(entry.linkname ?? "") : entry.linkname;
    if (entry.type === "hardlink" && present.get(linkname ?? "")?.type !== "file") {
      throw refused(`${owner} has /${path} as a link to /${linkname}, which is no file before it`);
    }
    const renamed = { ...entry, path, ...(linkname !== undefined && { linkname }) };
    return [...parentsOf(path, owner), add(renamed, owner)];
  };

  return { place, has: (path) => present.has(merge(path) ?? path) };
}

interface Present {
  readonly type: DebEntry["type"];
  readonly linkname: string | undefined;
  readonly owner: string;
}

function isSame(there: Present, entry: DebEntry): boolean {
  if (there.type !== entry.type) return false;
  return entry.type === "dir" || (entry.type === "symlink" && there.linkname === entry.linkname);
}

// Compatibility links between /bin and /usr/bin point to themselves once both are one.
function isSelfLink(entry: DebEntry, path: string, merge: (path: string) => string | undefined): boolean {
  return entry.type === "symlink" && merge((entry.linkname ?? "").replace(/^\//, "")) === path;
}

// The path with merged directories followed; undefined for the merged directory itself.
function merger(stack: Pick<StackFile, "links">, arch: string): (path: string) => string | undefined {
  const merged = stack.links
    .filter((link) => link.merged && (link.arch.length === 0 || link.arch.includes(arch)))
    .map((link) => ({ from: link.path, to: link.target.replace(/^\//, "") }));
  return (path) => {
    const rule = merged.find(({ from }) => path === from || path.startsWith(`${from}/`));
    if (rule === undefined) return path;
    return path === rule.from ? undefined : rule.to + path.slice(rule.from.length);
  };
}

function refused(message: string): TspackError {
  return new TspackError("INVALID_STACK", message, {
    hint: "take one of the packages out of stack.toml, or drop the path there",
  });
}
