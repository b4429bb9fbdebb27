import { withoutCredentials } from "../../addresses.ts";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import { type AptSourceFile, mirrorsFromAptSources, parseAptSources } from "./apt-sources.ts";

/** One suite of an archive: `bookworm-security` of the archive `security`. */
export interface Suite {
  /** The archive's name in stack.toml; the second half of a mirror's address is derived from it. */
  readonly archive: string;
  readonly name: string;
}

/** The root address of each archive, by the archive's name, without a `/` at the end. */
export interface Mirrors {
  readonly roots: ReadonlyMap<string, string>;
  /** Where the choice comes from, for messages: `--mirror`, `apt sources in /etc/apt`. */
  readonly origin: string;
}

/** Where a mirror may be named, first one first. Values are as the person gave them. */
export interface MirrorChoice {
  /** `--mirror`. */
  readonly option?: string | undefined;
  /** `TSPACK_DEBIAN_MIRROR`. */
  readonly env?: string | undefined;
  /** `debian-mirror` in config.toml. */
  readonly config?: string | undefined;
  /** The directory of apt's configuration: `/etc/apt`. */
  readonly aptDir?: string | undefined;
  readonly suites: readonly Suite[];
}

/**
 * Decides where Debian's archives are fetched from. Throws `MIRROR_UNKNOWN` when nothing says
 * it, with the ways to say it, and `INVALID_ARGUMENTS` for a value that is no address.
 */
export async function chooseMirrors(choice: MirrorChoice): Promise<Mirrors> {
  const named = [
    ["--mirror", choice.option],
    ["env TSPACK_DEBIAN_MIRROR", choice.env],
    ["debian-mirror in config.toml", choice.config],
  ] as const;
  for (const [origin, value] of named) {
    if (value !== undefined && value !== "") return { roots: parseMirror(value, origin, choice.suites), origin };
  }
  const files = choice.aptDir === undefined ? [] : await readAptSources(choice.aptDir);
  const roots = rootsOfSuites(files, choice.suites);
  const missing = choice.suites.filter((suite) => !roots.has(suite.archive));
  if (missing.length === 0) return { roots, origin: `apt sources in ${choice.aptDir ?? ""}` };
  throw new TspackError("MIRROR_UNKNOWN", `No mirror is known for ${missing.map((suite) => suite.name).join(", ")}`, {
    hint:
      'name a Debian mirror with --mirror URL, TSPACK_DEBIAN_MIRROR=URL, or debian-mirror = "URL" in config.toml; ' +
      "without one the apt sources of this machine are used, which have neither these suites nor Debian's archives",
  });
}

// A source with the suite itself comes first. Else an archive of Debian has its other releases at the same address;
// a mirror without them says so when the suite is read, and signatures guard what comes from it.
function rootsOfSuites(files: readonly AptSourceFile[], suites: readonly Suite[]): ReadonlyMap<string, string> {
  const found = mirrorsFromAptSources(
    files,
    suites.map((suite) => suite.name),
  );
  const roots = new Map<string, string>();
  for (const { archive, name } of suites) {
    const uri = found.get(name);
    if (uri !== undefined && !roots.has(archive)) roots.set(archive, uri);
  }
  for (const { archive } of suites) {
    const folder = archive === "debian" ? "/debian" : `/debian-${archive}`;
    const other = parseAptSources(files).find(
      ({ uri, components }) => uri.endsWith(folder) && components.includes("main"),
    );
    if (other !== undefined && !roots.has(archive)) roots.set(archive, other.uri);
  }
  return roots;
}

// "https://mirror/debian", or with a second address where the other archives are elsewhere:
// "https://mirror/debian security=https://elsewhere/debian-security".
function parseMirror(value: string, source: string, suites: readonly Suite[]): ReadonlyMap<string, string> {
  const [main, ...others] = value.trim().split(/[\s,]+/);
  const given = new Map(others.map((each): [string, string] => splitAt(each, "=")));
  const roots = new Map<string, string>();
  for (const { archive } of suites) {
    const root = archive === "debian" ? main : (given.get(archive) ?? derived(main ?? "", archive));
    if (root === undefined || !URL.canParse(root) || !/^https?:$/.test(new URL(root).protocol)) {
      const expected =
        archive === "debian"
          ? "an http or https address"
          : `an address that ends in /debian, or ${archive}=URL after it for the archive ${archive}`;
      const issue = { source, path: "", expected, got: JSON.stringify(withoutCredentials(value)) };
      throw new InputError("INVALID_ARGUMENTS", "The Debian mirror is not an address", [issue]);
    }
    roots.set(archive, root.replace(/\/+$/, ""));
  }
  return roots;
}

function derived(main: string, archive: string): string | undefined {
  const match = /^(.*)\/debian\/*$/.exec(main);
  return match?.[1] === undefined ? undefined : `${match[1]}/debian-${archive}`;
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The source lists of a directory as `/etc/apt`; what is not there or not readable is left out. */
export async function readAptSources(aptDir: string): Promise<readonly AptSourceFile[]> {
  const names = await readdir(join(aptDir, "sources.list.d")).catch(absentIs<string[]>([]));
  const paths = ["sources.list", ...names.toSorted(byText).map((name) => join("sources.list.d", name))];
  const files = paths
    .filter((path) => path.endsWith(".list") || path.endsWith(".sources"))
    .map(async (path) => ({ name: path, text: await readFile(join(aptDir, path), "utf8").catch(absentIs("")) }));
  return Promise.all(files);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function absentIs<T>(value: T): (error: unknown) => T {
  return (error) => {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return value;
    throw error;
  };
}
