import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { decodeToml, type TableReader } from "../../decode.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { parseToml } from "../../toml.ts";
import type { Suite } from "../debian/mirrors.ts";
import type { Pin } from "../debian/package-index.ts";

/** A directory that stack.toml declares. Paths are relative to the root of the image, without a leading `/`. */
export interface DeclaredDirectory {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A file with fixed content. */
export interface DeclaredFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/** A copy of a file that a package has elsewhere, which its maintainer script would make. */
export interface DeclaredCopy {
  readonly from: string;
  readonly to: string;
  readonly mode: number;
}

/** A symlink; with `merged` what packages have below it goes to where it points. */
export interface DeclaredLink {
  readonly path: string;
  readonly target: string;
  readonly merged: boolean;
  /** Processors that it is for; all when empty. */
  readonly arch: readonly string[];
}

/** One of Debian's alternatives: made when `path` is in the image. */
export interface Alternative {
  readonly name: string;
  readonly link: string;
  readonly path: string;
}

/** The unprivileged user of both images. */
export interface StackUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** What `stacks/<name>/stack.toml` says. */
export interface StackFile {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly homepage: string | undefined;
  readonly maintainer: string | undefined;
  readonly distribution: { readonly name: string; readonly version: string };
  readonly suites: readonly Suite[];
  readonly components: readonly string[];
  /** Versions that are preferred or kept away. */
  readonly pins: readonly Pin[];
  /** Absolute paths of the public keys that the archive signs with. */
  readonly keyrings: readonly string[];
  readonly packages: {
    readonly run: readonly string[];
    readonly build: readonly string[];
    readonly omit: readonly string[];
  };
  /** Path of the stack.toml whose build image is this stack's too; then `packages.build` is empty. */
  readonly buildOf: string | undefined;
  readonly drop: readonly string[];
  readonly keep: readonly string[];
  readonly user: StackUser;
  readonly path: string;
  readonly directories: readonly DeclaredDirectory[];
  readonly files: readonly DeclaredFile[];
  readonly copies: readonly DeclaredCopy[];
  readonly links: readonly DeclaredLink[];
  readonly alternatives: readonly Alternative[];
  /** Its bytes: what is made of a stack depends on them. */
  readonly bytes: Uint8Array;
}

/** Reads a stack file. Throws `FILE_NOT_FOUND`, `INVALID_TOML`, and `INVALID_STACK` with every problem. */
export async function readStackFile(path: string): Promise<StackFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    if (errorCode(cause) !== "ENOENT" && errorCode(cause) !== "EISDIR") throw cause;
    throw new TspackError("FILE_NOT_FOUND", `There is no stack file ${path}`, {
      cause,
      hint: "name a stack.toml, as stacks/bookworm/stack.toml is one",
    });
  });
  const hint = "the fields are described in stacks/README.md";
  return decodeToml(parseToml(bytes, path), { code: "INVALID_STACK", hint }, (root) => readStack(root, path, bytes));
}

function readStack(root: TableReader, path: string, bytes: Uint8Array): StackFile {
  const archive = root.subTable("archive");
  const packages = root.subTable("packages");
  const contents = root.subTable("contents");
  return {
    id: root.requiredString("id"),
    name: root.requiredString("name"),
    description: root.string("description") ?? "",
    homepage: root.string("homepage"),
    maintainer: root.string("maintainer"),
    distribution: {
      name: root.subTable("distribution").requiredString("name"),
      version: root.subTable("distribution").requiredString("version"),
    },
    suites: readSuites(archive),
    components: names(archive, "components"),
    pins: readPins(archive),
    keyrings: names(archive, "keyrings").map((keyring) => resolve(dirname(path), keyring)),
    ...readPackages(packages, path),
    drop: contents.strings("drop") ?? [],
    keep: contents.strings("keep") ?? [],
    user: readUser(root.subTable("user")),
    path: root.requiredString("path"),
    ...readContents(contents),
    bytes,
  };
}

function readPackages(packages: TableReader, path: string): Pick<StackFile, "packages" | "buildOf"> {
  const other = packages.string("build-of");
  const run = packageNames(packages, "run");
  const build = packageNames(packages, "build");
  if (run.length === 0) packages.issue("run", "an array with at least one string");
  if (other !== undefined && build.length > 0) packages.issue("build", "nothing, because build-of names another stack");
  if (other === undefined && build.length === 0) packages.issue("build", "an array with at least one string");
  return {
    packages: { run, build, omit: packages.strings("omit") ?? [] },
    buildOf: other === undefined ? undefined : resolve(dirname(path), other),
  };
}

function readSuites(archive: TableReader): readonly Suite[] {
  const suites = archive.tables("suites");
  if (suites.length === 0) archive.issue("suites", "an array with at least one table");
  return suites.map((suite) => ({ archive: suite.requiredString("archive"), name: suite.requiredString("name") }));
}

function readPins(archive: TableReader): readonly Pin[] {
  return archive.tables("pins").map((pin) => {
    const priority = pin.integer("priority");
    if (priority === undefined) pin.issue("priority", "an integer: below 0 never, above 500 preferred");
    const [version, suite] = [pin.string("version"), pin.string("suite")];
    return { package: pin.requiredString("package"), version, suite, priority: priority ?? 0 };
  });
}

const packageName = /^[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;

function packageNames(table: TableReader, key: string): readonly string[] {
  const values = table.strings(key) ?? [];
  for (const [index, value] of values.entries()) {
    if (!packageName.test(value)) table.issue(`${key}[${index}]`, "a package's name, or name=version");
  }
  return values;
}

function names(table: TableReader, key: string): readonly string[] {
  const values = table.strings(key) ?? [];
  if (values.length === 0) table.issue(key, "an array with at least one string");
  return values;
}

function readUser(user: TableReader): StackUser {
  return {
    name: user.requiredString("name"),
    uid: readId(user, "uid"),
    gid: readId(user, "gid"),
    home: imagePath(user, "home"),
    shell: user.requiredString("shell"),
  };
}

function readId(user: TableReader, key: string): number {
  const id = user.integer(key);
  if (id === undefined || id <= 0 || id > 65_533) user.issue(key, "an integer from 1 to 65533");
  return id ?? 0;
}

type Contents = Pick<StackFile, "directories" | "files" | "copies" | "links" | "alternatives">;

function readContents(root: TableReader): Contents {
  return {
    directories: root.tables("directories").map((each) => ({
      path: imagePath(each, "path"),
      mode: readMode(each, 0o755),
      uid: each.integer("uid") ?? 0,
      gid: each.integer("gid") ?? 0,
    })),
    files: root.tables("files").map((each) => ({
      path: imagePath(each, "path"),
      mode: readMode(each, 0o644),
      content: each.string("content") ?? "",
    })),
    copies: root.tables("copies").map((each) => ({
      from: imagePath(each, "from"),
      to: imagePath(each, "to"),
      mode: readMode(each, 0o644),
    })),
    links: root.tables("links").map((each) => ({
      path: imagePath(each, "path"),
      target: each.requiredString("target"),
      merged: each.boolean("merged") ?? false,
      arch: each.strings("arch") ?? [],
    })),
    alternatives: root.tables("alternatives").map((each) => ({
      name: each.requiredString("name"),
      link: imagePath(each, "link"),
      path: imagePath(each, "path"),
    })),
  };
}

function readMode(table: TableReader, standard: number): number {
  const text = table.string("mode");
  if (text === undefined) return standard;
  if (!/^[0-7]{3,4}$/.test(text)) table.issue("mode", "three or four octal digits in a string");
  return Number.parseInt(text, 8);
}

// Written "/etc/passwd" in the file, kept "etc/passwd".
function imagePath(table: TableReader, key: string): string {
  const path = table.requiredString(key);
  const parts = path.split("/");
  if (!path.startsWith("/") || parts.slice(1).some((part) => part === "" || part === "." || part === "..")) {
    table.issue(key, 'an absolute path without "..", "." or a slash at the end');
  }
  return path.slice(1);
}
