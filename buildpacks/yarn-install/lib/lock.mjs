// What yarn.lock says: the form of Yarn 1, and that of its successors, which is YAML.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseYaml } from "./yaml.mjs";

const KINDS = ["dependencies", "optionalDependencies", "devDependencies"];

/** Yarn 1 writes keys without a colon before their values, and quotes where it must. */
const asYaml = (text) =>
  text
    .split("\n")
    .map((line) => line.replace(/^( +)("[^"]*"|[^\s"]+) ("[^"]*"|[^\s"].*)$/, "$1$2: $3"))
    .join("\n");

const isClassic = (text) => text.includes("# yarn lockfile v1");

/** Keys of an entry, which are several where ranges lead to one version: `a@^1, a@^2`, in quotes or not. */
const keysOf = (key) => key.split(/, ?/).map((one) => one.replace(/^"|"$/g, ""));

/** Entries by each of their keys. */
const readLock = (file) => {
  const text = readFileSync(file, "utf8");
  const classic = isClassic(text);
  // The first line of an entry of Yarn 1 may be a list of quoted texts, which is no key of YAML.
  const source = classic ? asYaml(text.replace(/^(\S.*):$/gm, (_, keys) => `"${keys.replaceAll('"', "")}":`)) : text;
  const { __metadata: _, ...entries } = parseYaml(source);
  const byKey = new Map(Object.entries(entries).flatMap(([key, entry]) => keysOf(key).map((one) => [one, entry])));
  return { classic, byKey };
};

/** Newer keys say "npm:" before the range; patches and workspaces have words of their own. */
const entryOf = ({ classic, byKey }, name, range) =>
  byKey.get(`${name}@${range}`) ??
  (classic ? undefined : (byKey.get(`${name}@npm:${range}`) ?? byKey.get(`${name}@workspace:${range}`)));

const manifests = (directory) => {
  const own = join(directory, "package.json");
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
    .flatMap((entry) => manifests(join(directory, entry.name)))
    .concat(existsSync(own) ? [JSON.parse(readFileSync(own, "utf8"))] : []);
};

const conditionsHold = (text) =>
  text
    .split("&")
    .map((one) => one.trim().replace(/[()]/g, ""))
    .every((one) =>
      one.split("|").some((each) => {
        const [key, value] = each.trim().split("=");
        return value === ({ os: process.platform, cpu: process.arch, libc: "glibc" }[key] ?? value);
      }),
    );

const nameOf = (entry, key) => {
  const text = entry.resolution ?? key;
  const alias = /@npm:(@?[^@]+)@/.exec(key)?.[1];
  return entry.resolution === undefined && alias !== undefined ? alias : text.slice(0, text.indexOf("@", 1));
};

/** The packages that are installed: { name, version, integrity } of each. */
export function packagesOf(lockFile, execEnv, application) {
  const lock = readLock(lockFile);
  const kinds = execEnv === "production" ? KINDS.slice(0, 2) : KINDS;
  const roots = manifests(application === "." ? dirname(lockFile) : application);
  const waiting = roots.flatMap((manifest) => kinds.flatMap((kind) => Object.entries(manifest[kind] ?? {})));
  const found = new Map();
  while (waiting.length > 0) {
    const [name, range] = waiting.pop();
    const entry = entryOf(lock, name, range);
    if (entry === undefined || found.has(entry)) continue;
    found.set(entry, `${name}@${range}`);
    if (/@workspace:/.test(entry.resolution ?? "")) continue;
    waiting.push(...Object.entries({ ...entry.dependencies, ...entry.optionalDependencies }));
  }
  return [...found].flatMap(([entry, key]) => {
    if (/@(workspace|link|portal):/.test(entry.resolution ?? "")) return [];
    if (entry.conditions !== undefined && !conditionsHold(entry.conditions)) return [];
    return [{ name: nameOf(entry, key), version: entry.version, integrity: entry.integrity }];
  });
}

/** The range that the lock was made for, of a dependency of a package.json: Yarn keeps only those that are there. */
export function lockedRange(lockFile, _directory, name) {
  const lock = readLock(lockFile);
  return (
    [...lock.byKey.keys()]
      .filter((key) => key.slice(0, key.indexOf("@", 1)) === name)
      .map((key) => key.slice(name.length + 1).replace(/^npm:/, ""))
      .sort((a, b) => (a < b ? -1 : 1))
      .join('" or "') || undefined
  );
}
