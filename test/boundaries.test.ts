import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";

// The direction of dependencies is the architecture (lifecycle/README.md): this reads the
// imports as they are written, so that a wrong one fails before anybody relies on it.
const root = resolve(import.meta.dirname, "../lifecycle");
const open = ["addresses.ts", "errors.ts", "context.ts", "decode.ts", "toml.ts", "logger.ts"];

/** What each folder may import, besides itself and the files that all may use. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  toml: [],
  deflate: [],
  oci: ["deflate"],
  cnb: ["oci/digest.ts", "oci/reference.ts", "oci/descriptor.ts"],
  stores: ["oci"],
  layers: ["oci", "stores/blob-cache.ts"],
  cache: ["cnb", "oci", "layers", "stores/store.ts", "stores/blob-cache.ts"],
  phases: ["cache", "layers", "cnb", "oci", "stores/store.ts", "stores/blob-cache.ts"],
  "third-party": [],
  distribution: ["oci", "layers", "stores/store.ts", "stores/blob-cache.ts"],
  platform: ["phases", "cache", "layers", "cnb", "oci", "stores", "distribution"],
  cli: ["platform", "phases", "cache", "layers", "cnb", "oci", "stores", "distribution"],
};

const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.split(sep).join("/"))
  .sort();

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)"([^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
  return specifiers.map((specifier) => ({
    from: file,
    to: specifier.startsWith(".")
      ? relative(root, resolve(root, dirname(file), specifier))
          .split(sep)
          .join("/")
      : specifier,
  }));
}

const imports = sources.flatMap(importsOf);
const folderOf = (file: string): string => (file.includes("/") ? (file.split("/")[0] ?? "") : "");

const storeOf = (file: string): string | undefined => /^stores\/(\w[\w-]*)\//.exec(file)?.[1];

function mayImport({ from, to }: Import): boolean {
  const folder = folderOf(from);
  if (folder === "") return true;
  if (!sources.includes(to) || open.includes(to) || folderOf(to) === folder) return true;
  // The rooms behind toml.ts and the lazily loaded packages are for all.
  if (folderOf(to) === "third-party") return true;
  return (allowed[folder] ?? []).some((entry) => to === entry || to.startsWith(`${entry}/`));
}

describe("the direction of dependencies", () => {
  test("every folder imports only from the folders below it", () => {
    expect(imports.filter((entry) => !mayImport(entry))).toEqual([]);
  });

  test("every folder has a row in the table", () => {
    const folders = new Set(sources.map(folderOf).filter((folder) => folder !== ""));
    expect([...folders].filter((folder) => !(folder in allowed))).toEqual([]);
  });

  test("sibling stores do not import each other", () => {
    const wrong = imports.filter(({ from, to }) => {
      const [a, b] = [storeOf(from), storeOf(to)];
      return a !== undefined && b !== undefined && a !== b && b !== "blob-cache";
    });
    expect(wrong).toEqual([]);
  });

  test("oci and cnb touch no file, network or process", () => {
    const impure =
      /^(node:)?(fs|fs\/promises|net|http|https|http2|tls|dgram|child_process|undici|execa)$|^third-party\//;
    const wrong = imports.filter(({ from, to }) => /^(oci|cnb)\//.test(from) && impure.test(to));
    expect(wrong).toEqual([]);
  });

  test("detect, generate, build and extend know no store and no keychain", () => {
    const wrong = imports.filter(
      ({ from, to }) => /^phases\/(detect|generate|build|extend)\b/.test(from) && /^(stores|cache)\//.test(to),
    );
    expect(wrong).toEqual([]);
  });

  test("only the phases that run buildpacks and the platform start processes", () => {
    const spawners = new Set(
      imports.filter(({ to }) => /^(node:child_process|execa)$/.test(to)).map(({ from }) => from),
    );
    const expected = /^(phases\/buildpack-process\.ts|stores\/registry\/|stores\/keychain|platform\/|distribution\/)/;
    expect([...spawners].filter((file) => !expected.test(file))).toEqual([]);
  });

  test("the environment, the arguments and the exit code are read and set in cli only", () => {
    const wrong = sources.filter((file) => {
      if (folderOf(file) === "cli") return false;
      return /\bprocess\.(env|argv|exit|exitCode)\b/.test(withoutComments(readFileSync(join(root, file), "utf8")));
    });
    expect(wrong).toEqual([]);
  });

  test("API versions are compared in the two tables only", () => {
    const wrong = sources.filter(
      (file) =>
        !file.startsWith("cnb/api/") &&
        /\bcompareApiVersions?\b|\b(isAtLeast|atLeast|lessThan)\(/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("no module imports itself over a cycle", () => {
    expect(findCycle()).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

/** The first cycle of imports that carry values, as a path that ends where it began. */
function findCycle(): readonly string[] {
  const graph = new Map(sources.map((file) => [file, valueImportsOf(file)]));
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of graph.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of sources) {
    const cycle = walk(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

function valueImportsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), "utf8");
  const targets = [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/gm)].map(
    (match) => match[1] ?? "",
  );
  return targets.map((target) =>
    relative(root, resolve(root, dirname(file), target))
      .split(sep)
      .join("/"),
  );
}
