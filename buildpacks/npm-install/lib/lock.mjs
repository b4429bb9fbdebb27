// What npm's lock file (version 2 or 3, or the hidden one beside the packages) says.
import { readFileSync } from "node:fs";

const read = (file) => JSON.parse(readFileSync(file, "utf8"));

const excludes = (rules, value) =>
  Array.isArray(rules) &&
  rules.length > 0 &&
  (rules.includes(`!${value}`) || (!rules.some((rule) => rule.startsWith("!")) && !rules.includes(value)));

/** Not installed on this machine: a package for another system, which a lock lists, too. */
const isForeign = (entry) =>
  entry.optional === true && (excludes(entry.os, process.platform) || excludes(entry.cpu, process.arch));

/** The packages that are installed: { name, version, integrity, license } of each. */
export function packagesOf(lockFile, execEnv) {
  return Object.entries(read(lockFile).packages ?? {}).flatMap(([path, entry]) => {
    const at = path.lastIndexOf("node_modules/");
    if (at < 0 || entry.link === true || entry.version === undefined || isForeign(entry)) return [];
    if (execEnv === "production" && entry.dev === true) return [];
    const { version, integrity } = entry;
    const license = typeof entry.license === "string" ? entry.license : undefined;
    return [{ name: entry.name ?? path.slice(at + "node_modules/".length), version, integrity, license }];
  });
}

/** The range that the lock was made for, of a dependency of the package.json in a directory of the application. */
export function lockedRange(lockFile, directory, name) {
  const own = read(lockFile).packages?.[directory === "." ? "" : directory] ?? {};
  return own.dependencies?.[name] ?? own.devDependencies?.[name] ?? own.optionalDependencies?.[name];
}
