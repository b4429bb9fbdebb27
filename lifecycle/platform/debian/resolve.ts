import { TspackError } from "../../errors.ts";
import { acceptsProvided, acceptsVersion, requirementText, type Dependency, type Requirement } from "./dependency.ts";
import type { DebianPackage, PackageIndex } from "./package-index.ts";

/** What to select packages for. */
export interface ResolveRequest {
  /** The packages that have to be there. */
  readonly names: readonly string[];
  /**
   * Packages that are never taken, whose absence is accepted: what only maintainer scripts
   * need, because none of them runs.
   */
  readonly omit: readonly string[];
  /** Packages of the layers below; kept, and not in the result. */
  readonly selected?: readonly DebianPackage[];
}

/**
 * Selects packages and what they depend on, without recommendations: the newest version of
 * each; of alternatives the one that is selected already, else the first that can be had; of
 * several providers the one of the highest priority, then the first by name. Sorted by name.
 * Throws `PACKAGE_NOT_FOUND` with every name or dependency that nothing fulfils, and
 * `INVALID_STACK` when two packages exclude each other.
 */
export function resolvePackages(index: PackageIndex, request: ResolveRequest): readonly DebianPackage[] {
  const below = new Set((request.selected ?? []).map((each) => each.name));
  const selection = new Selection(index, request);
  for (const name of request.names) selection.need([{ name, relation: undefined, version: undefined }], "the stack");
  selection.complete();
  return selection.packages().filter((each) => !below.has(each.name));
}

class Selection {
  readonly #index: PackageIndex;
  readonly #omit: ReadonlySet<string>;
  readonly #chosen = new Map<string, DebianPackage>();
  readonly #pending: DebianPackage[] = [];
  readonly #missing: string[] = [];

  constructor(index: PackageIndex, request: ResolveRequest) {
    this.#index = index;
    this.#omit = new Set(request.omit);
    for (const each of request.selected ?? []) this.#chosen.set(each.name, each);
  }

  need(dependency: Dependency, wantedBy: string): void {
    if (dependency.some((each) => this.#omit.has(each.name) || this.#isFulfilled(each))) return;
    const found = dependency.map((each) => this.#candidate(each)).find((each) => each !== undefined);
    if (found === undefined) {
      this.#missing.push(`${dependency.map(requirementText).join(" | ")}, needed by ${wantedBy}`);
      return;
    }
    this.#chosen.set(found.name, found);
    this.#pending.push(found);
  }

  complete(): void {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      for (const dependency of next.depends) this.need(dependency, next.name);
    }
    if (this.#missing.length > 0) {
      throw new TspackError("PACKAGE_NOT_FOUND", `The archive has no package for:\n  ${this.#missing.join("\n  ")}`, {
        hint: "look for a typing mistake in stack.toml; `omit` names packages that only maintainer scripts need",
      });
    }
    this.#refuseConflicts();
  }

  packages(): readonly DebianPackage[] {
    return [...this.#chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #isFulfilled(requirement: Requirement): boolean {
    const own = this.#chosen.get(requirement.name);
    if (own !== undefined && acceptsVersion(requirement, own.version)) return true;
    return [...this.#chosen.values()].some((each) => doesProvide(each, requirement));
  }

  #candidate(requirement: Requirement): DebianPackage | undefined {
    // A package that is chosen in a version that does not fit cannot be had a second time.
    if (!this.#chosen.has(requirement.name)) {
      const real = this.#index.named(requirement.name).find((each) => acceptsVersion(requirement, each.version));
      if (real !== undefined) return real;
    }
    return this.#index
      .providers(requirement.name)
      .filter((each) => doesProvide(each, requirement) && !this.#chosen.has(each.name) && !this.#omit.has(each.name))
      .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))[0];
  }

  #refuseConflicts(): void {
    const chosen = this.packages();
    for (const each of chosen) {
      for (const conflict of each.conflicts) {
        const other = chosen.find((one) => one.name !== each.name && clashes(conflict, one));
        if (other === undefined) continue;
        throw new TspackError("INVALID_STACK", `${each.name} ${each.version} excludes ${other.name} ${other.version}`, {
          hint: "take one of the two out of stack.toml",
        });
      }
    }
  }
}

function doesProvide(candidate: DebianPackage, requirement: Requirement): boolean {
  return candidate.provides.some((each) => each.name === requirement.name && acceptsProvided(requirement, each));
}

function clashes(conflict: Requirement, other: DebianPackage): boolean {
  return (other.name === conflict.name && acceptsVersion(conflict, other.version)) || doesProvide(other, conflict);
}

function rank(candidate: DebianPackage): number {
  return ["required", "important", "standard", "optional", "extra"].indexOf(candidate.priority);
}
