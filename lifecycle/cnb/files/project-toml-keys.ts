import { isTable, type TomlDocument, type TomlPath, type TomlTable } from "../../toml.ts";
import type { SchemaVersion } from "./project-toml.ts";

/** Something in project.toml that has no effect. */
export interface ProjectWarning {
  /** `project.toml:12:3`. */
  readonly place: string;
  readonly text: string;
}

/** The keys of a table; `free`: whatever somebody puts there. */
type Keys = { readonly [key: string]: Keys | true | "free" };

const license: Keys = { type: true, uri: true };
const about: Keys = {
  id: true,
  name: true,
  version: true,
  authors: true,
  "documentation-url": true,
  "source-url": true,
  licenses: license,
};
const script: Keys = { api: true, inline: true, shell: true };
const buildpack: Keys = { id: true, version: true, uri: true, script };
const variable: Keys = { name: true, value: true };
const withExecEnv = (keys: Keys): Keys => ({ ...keys, "exec-env": true });

function newKeys(entry: Keys, env: Keys): Keys {
  return {
    builder: true,
    "schema-version": true,
    include: true,
    exclude: true,
    group: entry,
    pre: { group: entry },
    post: { group: entry },
    build: { env },
  };
}

const underscore: Keys = { ...about, "schema-version": true, metadata: "free" };

const keysOf: Readonly<Record<SchemaVersion, Keys>> = {
  "0.1": {
    _: { "schema-version": true },
    project: about,
    build: { builder: true, include: true, exclude: true, buildpacks: buildpack, env: variable },
    metadata: "free",
  },
  "0.2": { _: underscore, io: { buildpacks: { ...newKeys(buildpack, variable), env: { build: variable } } } },
  "0.3": { _: underscore, io: { buildpacks: newKeys(withExecEnv(buildpack), withExecEnv(variable)) } },
};

/** Tables of the specification in any schema: in another one than theirs they are a mistake. All others are other tools'. */
const specified = new Set(["_", "io.buildpacks", "project", "build"]);

/** The keys of project.toml that its schema does not have, each with the key that was perhaps meant. */
export function findUnknownKeys(document: TomlDocument, schema: SchemaVersion): readonly ProjectWarning[] {
  const found: ProjectWarning[] = [];
  const report = (path: TomlPath, known: readonly string[]): void => {
    const at = document.position(path);
    const key = path.filter((part) => typeof part === "string").join(".");
    const meant = nearest(String(path.at(-1)), known);
    const remedy = meant === undefined ? whereItIs(path, schema) : `; did you mean ${meant}?`;
    found.push({
      place: at === undefined ? document.source : `${document.source}:${at.line}:${at.column}`,
      text: `${key} is not in schema ${schema} and has no effect${remedy}`,
    });
  };
  const visit = (table: TomlTable, keys: Keys, path: TomlPath): void => {
    for (const [key, value] of Object.entries(table)) {
      const inside = Object.hasOwn(keys, key) ? keys[key] : undefined;
      const here = [...path, key];
      if (inside === undefined) {
        if (path.length > 0 ? path[0] !== "io" || path.length > 1 || specified.has(`io.${key}`) : specified.has(key))
          report(here, Object.keys(keys));
        else if (path.length === 0 && key === "io" && isTable(value)) visit(value, {}, here);
      } else if (typeof inside === "object") visitValue(value, inside, here);
    }
  };
  const visitValue = (value: unknown, keys: Keys, path: TomlPath): void => {
    if (isTable(value)) visit(value, keys, path);
    else if (Array.isArray(value))
      for (const [index, item] of value.entries()) visitValue(item, keys, [...path, index]);
  };
  visit(document.table, keysOf[schema], []);
  return found;
}

function whereItIs(path: TomlPath, schema: SchemaVersion): string {
  if (path.at(-1) === "exec-env") return "; it needs schema 0.3";
  if (schema === "0.1") return path[0] === "io" ? "; it needs schema 0.2" : "";
  if (path.length > 1) return "";
  return path[0] === "build" ? "; it is [io.buildpacks] now" : path[0] === "project" ? "; it is [_] now" : "";
}

/** The candidate that differs in at most two letters, or undefined. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  const allowed = word.length < 4 ? 1 : 2;
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= allowed)
    .toSorted((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** Letters to insert, delete or exchange. Levenshtein. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 0; at < a.length; at += 1) {
    const next = [at + 1];
    for (let to = 0; to < b.length; to += 1) {
      const exchanged = (row[to] ?? 0) + (a[at] === b[to] ? 0 : 1);
      next.push(Math.min(exchanged, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? Infinity;
}
