import { acceptsProvided, acceptsVersion, type Requirement } from "./dependency.ts";
import type { DebianPackage } from "./package-index.ts";

/** Packages that are to be installed together, with what they provide and exclude. */
export interface Selection {
  get(name: string): DebianPackage | undefined;
  add(one: DebianPackage): void;
  /** How many there are: the argument of a later `takeBack`. */
  mark(): number;
  /** Takes back what was added after the mark. */
  takeBack(mark: number): void;
  fulfils(requirement: Requirement): boolean;
  /** One of the packages that it excludes or that excludes it. Debian policy, sections 7.3 and 7.4. */
  clashOf(one: DebianPackage): DebianPackage | undefined;
  /** By name. */
  all(): readonly DebianPackage[];
}

/** An empty selection. */
export function openSelection(): Selection {
  const byName = new Map<string, DebianPackage>();
  const added: DebianPackage[] = [];
  // Names that a selected package provides or excludes, with the packages that do.
  const providers = new Map<string, Set<DebianPackage>>();
  const excluders = new Map<string, Set<DebianPackage>>();
  const note = (map: Map<string, Set<DebianPackage>>, names: readonly Requirement[], one: DebianPackage): void => {
    for (const { name } of names) map.set(name, (map.get(name) ?? new Set()).add(one));
  };
  const forget = (map: Map<string, Set<DebianPackage>>, names: readonly Requirement[], one: DebianPackage): void => {
    for (const { name } of names) map.get(name)?.delete(one);
  };
  const clashOf = (one: DebianPackage): DebianPackage | undefined => {
    for (const conflict of one.conflicts) {
      const others = [byName.get(conflict.name), ...(providers.get(conflict.name) ?? [])];
      const other = others.find((each) => each !== undefined && excludes(one, conflict, each));
      if (other !== undefined) return other;
    }
    const names = [one.name, ...one.provides.map(({ name }) => name)];
    const against = names.flatMap((name) => [...(excluders.get(name) ?? [])]);
    return against.find((each) => each.conflicts.some((conflict) => excludes(each, conflict, one)));
  };
  return {
    get: (name) => byName.get(name),
    add: (one) => {
      byName.set(one.name, one);
      added.push(one);
      note(providers, one.provides, one);
      note(excluders, one.conflicts, one);
    },
    mark: () => added.length,
    takeBack: (mark) => {
      for (const one of added.splice(mark)) {
        byName.delete(one.name);
        forget(providers, one.provides, one);
        forget(excluders, one.conflicts, one);
      }
    },
    fulfils: (requirement) => {
      const own = byName.get(requirement.name);
      if (own !== undefined && isFulfilledBy(requirement, own)) return true;
      return [...(providers.get(requirement.name) ?? [])].some((each) => isProvidedBy(requirement, each));
    },
    clashOf,
    all: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Whether a package of that name fulfils a requirement: by its version, and for the processor that is asked for. */
export function isFulfilledBy(requirement: Requirement, one: DebianPackage): boolean {
  return one.name === requirement.name && acceptsVersion(requirement, one.version) && acceptsArch(requirement, one);
}

/** Whether something that a package provides fulfils a requirement. */
export function isProvidedBy(requirement: Requirement, one: DebianPackage): boolean {
  if (requirement.qualifier !== undefined && requirement.qualifier !== "native") return false;
  return one.provides.some((each) => each.name === requirement.name && acceptsProvided(requirement, each));
}

// `:any` is for packages that say that they can be used by those of other processors.
function acceptsArch({ qualifier }: Requirement, one: DebianPackage): boolean {
  if (qualifier === undefined || qualifier === "native") return true;
  return qualifier === "any" ? one.multiArch === "allowed" : one.architecture === qualifier;
}

// A package never excludes itself: that is how it says that it replaces all others that provide a name.
function excludes(one: DebianPackage, conflict: Requirement, other: DebianPackage): boolean {
  if (one.name === other.name) return false;
  return isFulfilledBy(conflict, other) || isProvidedBy(conflict, other);
}
