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
  /** Every package with a `Provides` of that name, by name. */
  providers(name: string): readonly DebianPackage[];
}

/** The text of one `Packages` file and the archive that it came from. */
export interface IndexText {
  readonly archive: string;
  readonly text: string;
}

/**
 * Indexes `Packages` files. A main index has 60,000 paragraphs of which an image needs some
 * hundred, so that only names are looked at here and paragraphs are parsed when asked for.
 */
export function indexPackages(texts: readonly IndexText[]): PackageIndex {
  const byName = new Map<string, Paragraph[]>();
  const byProvided = new Map<string, Set<string>>();
  for (const { archive, text } of texts) {
    for (const paragraph of paragraphs(text)) {
      const name = fieldOf(paragraph, "Package");
      if (name === undefined) continue;
      append(byName, name, { archive, text: paragraph });
      for (const provided of parseDependencies(fieldOf(paragraph, "Provides") ?? "").flat()) {
        byProvided.set(provided.name, (byProvided.get(provided.name) ?? new Set()).add(name));
      }
    }
  }
  const parsed = new Map<string, readonly DebianPackage[]>();
  const named = (name: string): readonly DebianPackage[] => {
    const known = parsed.get(name);
    if (known !== undefined) return known;
    const found = (byName.get(name) ?? []).map(parsePackage);
    found.sort((a, b) => compareVersions(b.version, a.version));
    parsed.set(name, found);
    return found;
  };
  const providers = (name: string): readonly DebianPackage[] =>
    [...(byProvided.get(name) ?? [])].sort().flatMap((provider) => named(provider).slice(0, 1));
  return { named, providers };
}

interface Paragraph {
  readonly archive: string;
  readonly text: string;
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
    priority: stanza.get("priority") ?? "optional",
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
