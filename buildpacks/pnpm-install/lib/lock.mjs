// What pnpm-lock.yaml (version 5.3 to 9) says.
import { readFileSync } from "node:fs";
import { parseYaml } from "./yaml.mjs";

const KINDS = ["dependencies", "optionalDependencies", "devDependencies"];

const excludes = (rules, value) =>
  Array.isArray(rules) &&
  rules.length > 0 &&
  (rules.includes(`!${value}`) || (!rules.some((rule) => rule.startsWith("!")) && !rules.includes(value)));

const isForeign = (entry) =>
  excludes(entry?.os, process.platform) ||
  excludes(entry?.cpu, process.arch) ||
  (Array.isArray(entry?.libc) && !entry.libc.includes("glibc"));

/** { name, version } of a key: "name@1.0.0(peer@2.0.0)", "/name@1.0.0" or "/name/1.0.0_peer@2.0.0". */
const identify = (key) => {
  const plain = key.replace(/^\//, "").split("(")[0];
  const at = plain.lastIndexOf("@");
  const slash = plain.lastIndexOf("/");
  const old = /^\/(?:@[^/]+\/)?[^/@]+\/\d/.test(key);
  const cut = old ? slash : at;
  return { name: plain.slice(0, cut), version: plain.slice(cut + 1).split("_")[0] };
};

/** The key of a dependency: its value is a version, or a key itself for an alias; undefined for a workspace. */
const keyOf = (entries, name, value) => {
  if (typeof value !== "string" || value.startsWith("link:")) return undefined;
  return [`${name}@${value}`, value, `/${name}@${value}`, `/${name}/${value}`].find((key) => key in entries);
};

const importersOf = (lock) => Object.entries(lock.importers ?? { ".": lock });

/** Keys that production, or everything, leads to. */
const reachable = (lock, execEnv) => {
  const entries = lock.snapshots ?? lock.packages ?? {};
  const kinds = execEnv === "production" ? KINDS.slice(0, 2) : KINDS;
  const found = new Set();
  const waiting = importersOf(lock).flatMap(([, importer]) =>
    kinds.flatMap((kind) =>
      Object.entries(importer[kind] ?? {}).map(([name, value]) => keyOf(entries, name, value?.version ?? value)),
    ),
  );
  while (waiting.length > 0) {
    const key = waiting.pop();
    if (key === undefined || found.has(key)) continue;
    found.add(key);
    const { dependencies, optionalDependencies } = entries[key] ?? {};
    for (const [name, value] of Object.entries({ ...dependencies, ...optionalDependencies })) {
      waiting.push(keyOf(entries, name, value));
    }
  }
  return found;
};

/** The packages that are installed: { name, version, integrity } of each. */
export function packagesOf(lockFile, execEnv) {
  const lock = parseYaml(readFileSync(lockFile, "utf8"));
  return [...reachable(lock, execEnv)].flatMap((key) => {
    const entry = lock.packages?.[key] ?? lock.packages?.[key.split("(")[0]];
    const { name, version } = identify(key);
    if (isForeign(entry) || !/^\d/.test(entry?.version ?? version)) return [];
    return [{ name: entry?.name ?? name, version: entry?.version ?? version, integrity: entry?.resolution?.integrity }];
  });
}

/** The range that the lock was made for, of a dependency of the package.json in a directory of the application. */
export function lockedRange(lockFile, directory, name) {
  const lock = parseYaml(readFileSync(lockFile, "utf8"));
  const importer = Object.fromEntries(importersOf(lock))[directory] ?? {};
  const found = KINDS.map((kind) => importer[kind]?.[name]).find((value) => value !== undefined);
  return found?.specifier ?? importer.specifiers?.[name] ?? found;
}
