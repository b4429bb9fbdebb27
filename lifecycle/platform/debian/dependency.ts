import { versionSatisfies, type Relation } from "./version.ts";

/** One alternative of a dependency: `libc6 (>= 2.36)`. */
export interface Requirement {
  readonly name: string;
  readonly relation: Relation | undefined;
  readonly version: string | undefined;
  /** `any`, `native` or a processor, of `python3:any`. */
  readonly qualifier?: string | undefined;
}

/** What has to be there: one of the alternatives, the first one preferred. */
export type Dependency = readonly Requirement[];

const form = /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?$/i;

/**
 * Reads a dependency field: clauses with commas, alternatives with bars. Debian policy, section 7.1.
 */
export function parseDependencies(field: string): readonly Dependency[] {
  return field
    .split(",")
    .map((clause) => clause.split("|").flatMap(parseRequirement))
    .filter((alternatives) => alternatives.length > 0);
}

function parseRequirement(text: string): readonly Requirement[] {
  const match = form.exec(text.trim());
  if (match?.[1] === undefined) return [];
  const [, name, qualifier, relation, version] = match;
  return [{ name, relation: relationOf(relation), version, ...(qualifier !== undefined && { qualifier }) }];
}

// The single angles are an old spelling of "or equal".
function relationOf(text: string | undefined): Relation | undefined {
  if (text === "<" || text === ">") return `${text}=`;
  return text as Relation | undefined;
}

/** Whether a real package with this version fulfils a requirement on its name. */
export function acceptsVersion(requirement: Requirement, version: string): boolean {
  if (requirement.relation === undefined || requirement.version === undefined) return true;
  return versionSatisfies(version, requirement.relation, requirement.version);
}

/** Whether one of a package's `Provides` fulfils a requirement; one without a version fulfils only an open one. */
export function acceptsProvided(requirement: Requirement, provided: Requirement): boolean {
  if (requirement.relation === undefined) return true;
  return provided.version !== undefined && acceptsVersion(requirement, provided.version);
}

/** As Debian writes it. */
export function requirementText(requirement: Requirement): string {
  const name = requirement.qualifier === undefined ? requirement.name : `${requirement.name}:${requirement.qualifier}`;
  if (requirement.relation === undefined) return name;
  return `${name} (${requirement.relation} ${requirement.version ?? ""})`;
}
