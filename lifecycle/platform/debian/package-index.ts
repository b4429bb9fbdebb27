import { InputError } from "../../errors.ts";
import { parseDependencies, type Dependency, type Requirement } from "./dependency.ts";
import { parseStanzas, type Stanza } from "./stanza.ts";
import { compareVersions } from "./version.ts";

/** One binary package of an archive, as its index describes it. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Name and version of the source package that it was built from. */
  readonly source: string;
  readonly priority: string;
  /** The field `Essential`. */
  readonly essential: boolean;
  /** The field `Multi-Arch`: `same`, `foreign`, `allowed`. */
  readonly multiArch: string | undefined;
  /** `Pre-Depends` and `Depends`. */
  readonly depends: readonly Dependency[];
  readonly provides: readonly Requirement[];
  /** `Conflicts` and `Breaks`. */
  readonly conflicts: readonly Requirement[];
  /** Which archive's root `path` is relative to. */
  readonly archive: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** Packages of one or more indices, found by their own name or by what they provide. */
export interface PackageIndex {
  /** Newest version first. */
  named(name: string): readonly DebianPackage[];
  /** The version that is installed unless another one is asked for: of the highest priority, then the newest. */
  candidate(name: string): DebianPackage | undefined;
  /** Every candidate with a `Provides` of that name, by name. */
  providers(name: string): readonly DebianPackage[];
}

/** The text of one `Packages` file and where it came from. */
export interface IndexText {
  readonly archive: string;
  readonly text: string;
  /** The suite's name, for pins. */
  readonly suite?: string | undefined;
  /** Of every version in it that no pin speaks of; 500 when absent. Manual page apt_preferences(5). */
  readonly priority?: number | undefined;
}

/** Prefers versions of packages, or keeps them away. Manual page apt_preferences(5). */
export interface Pin {
  /** A package's name; `*` stands for any text. */
  readonly package: string;
  /** Versions that it is about; all when absent. `*` stands for any text. */
  readonly version?: string | undefined;
  /** The suite that it is about; all when absent. */
  readonly suite?: string | undefined;
  /** Below 0: never taken. */
  readonly priority: number;
}

/**
 * Indexes `Packages` files. A main index has 60,000 paragraphs of which an image needs some
 * hundred, so that only names are looked at here and paragraphs are parsed when asked for.
 * The first pin that speaks of a version decides about its priority.
 */
export function indexPackages(texts: readonly IndexText[], pins: readonly Pin[] = []): PackageIndex {
  const byName = new Map<string, Paragraph[]>();
  const byProvided = new Map<string, Set<string>>();
  for (const { archive, text, suite, priority = 500 } of texts) {
    for (const paragraph of paragraphs(text)) {
      const name = fieldOf(paragraph, "Package");
      if (name === undefined) continue;
      append(byName, name, { archive, text: paragraph, suite, priority });
      for (const provided of parseDependencies(fieldOf(paragraph, "Provides") ?? "").flat()) {
        byProvided.set(provided.name, (byProvided.get(provided.name) ?? new Set()).add(name));
      }
    }
  }
  const priorityOf = pinnedPriority(pins);
  const parsed = new Map<string, readonly Ranked[]>();
  const ranked = (name: string): readonly Ranked[] => {
    const known = parsed.get(name);
    if (known !== undefined) return known;
    const found = (byName.get(name) ?? []).map((paragraph) => {
      const one = parsePackage(paragraph);
      return { one, priority: priorityOf(one, paragraph) };
    });
    found.sort((a, b) => compareVersions(b.one.version, a.one.version));
    parsed.set(name, found);
    return found;
  };
  const candidate = (name: string): DebianPackage | undefined => {
    const best = Math.max(...ranked(name).map(({ priority }) => priority));
    return best < 0 ? undefined : ranked(name).find(({ priority }) => priority === best)?.one;
  };
  const providers = (name: string): readonly DebianPackage[] =>
    [...(byProvided.get(name) ?? [])].sort().flatMap((provider) => candidate(provider) ?? []);
  return { named: (name) => ranked(name).map(({ one }) => one), candidate, providers };
}

interface Ranked {
  readonly one: DebianPackage;
  readonly priority: number;
}

function pinnedPriority(pins: readonly Pin[]): (one: DebianPackage, paragraph: Paragraph) => number {
  const rules = pins.map((pin) => ({
    ...pin,
    names: textMatcher(pin.package),
    versions: textMatcher(pin.version ?? "*"),
  }));
  return ({ name, version }, { suite, priority }) =>
    rules.find(
      (rule) => rule.names(name) && rule.versions(version) && (rule.suite === undefined || rule.suite === suite),
    )?.priority ?? priority;
}

function textMatcher(pattern: string): (text: string) => boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  return (text) => expression.test(text);
}

interface Paragraph {
  readonly archive: string;
  readonly text: string;
  readonly suite: string | undefined;
  readonly priority: number;
}

function append(map: Map<string, Paragraph[]>, name: string, paragraph: Paragraph): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [paragraph]);
  else list.push(paragraph);
}

function* paragraphs(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf("\n\n", from);
    yield text.slice(from, end < 0 ? text.length : end);
    if (end < 0) return;
    from = end + 2;
  }
}

function fieldOf(paragraph: string, name: string): string | undefined {
  const start = paragraph.startsWith(`${name}: `) ? 0 : paragraph.indexOf(`\n${name}: `) + 1;
  if (start === 0 && !paragraph.startsWith(`${name}: `)) return undefined;
  const end = paragraph.indexOf("\n", start);
  return paragraph.slice(start + name.length + 2, end < 0 ? paragraph.length : end).trim();
}

function parsePackage({ archive, text }: Paragraph): DebianPackage {
  const stanza = parseStanzas(text)[0] ?? new Map();
  const name = required(stanza, "package", archive);
  const version = required(stanza, "version", archive, name);
  const list = (...fields: readonly string[]): readonly Dependency[] =>
    fields.flatMap((field) => parseDependencies(stanza.get(field) ?? ""));
  return {
    name,
    version,
    architecture: required(stanza, "architecture", archive, name),
    source: sourceOf(stanza.get("source"), name, version),
    priority: stanza.get("priority") ?? "",
    essential: stanza.get("essential") === "yes",
    multiArch: stanza.get("multi-arch"),
    depends: list("pre-depends", "depends"),
    provides: list("provides").flat(),
    conflicts: list("conflicts", "breaks").flat(),
    archive,
    path: required(stanza, "filename", archive, name),
    size: Number(required(stanza, "size", archive, name)),
    sha256: required(stanza, "sha256", archive, name),
  };
}

function sourceOf(field: string | undefined, name: string, version: string): string {
  const match = /^(\S+)(?:\s+\(([^)]+)\))?$/.exec(field ?? "");
  return `${match?.[1] ?? name} ${match?.[2] ?? version}`;
}

function required(stanza: Stanza, field: string, archive: string, name = "a package"): string {
  const value = stanza.get(field);
  if (value !== undefined && value !== "") return value;
  const issue = { source: `Packages of archive ${archive}`, path: field, expected: "a value", got: "nothing" };
  throw new InputError("INVALID_STACK", `The index entry of ${name} has no field ${field}`, [issue]);
}
