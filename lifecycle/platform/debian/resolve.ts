import { TspackError } from "../../errors.ts";
import { requirementText, type Dependency, type Requirement } from "./dependency.ts";
import type { DebianPackage, PackageIndex } from "./package-index.ts";
import { isFulfilledBy, isProvidedBy, openSelection, type Selection } from "./selection.ts";

/** What to select packages for. */
export interface ResolveRequest {
  /** The packages that have to be there: a name, or `name=version`. */
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
 * Selects packages and what they depend on, without recommendations, as `apt-get install` does:
 * every package in its candidate version; dependencies depth first, in the order in which they
 * are written; of alternatives the first one that can be had together with what is selected; of
 * several providers essential ones, then those of the highest priority, then the first by name.
 * Sorted by name. Throws `PACKAGE_NOT_FOUND` with every name or dependency that nothing fulfils,
 * and `INVALID_STACK` when packages exclude each other.
 */
export function resolvePackages(index: PackageIndex, request: ResolveRequest): readonly DebianPackage[] {
  const below = new Set((request.selected ?? []).map((each) => each.name));
  const resolver = new Resolver(index, request);
  resolver.install(request.names);
  return resolver.selection.all().filter((each) => !below.has(each.name));
}

interface Reason {
  readonly code: "PACKAGE_NOT_FOUND" | "INVALID_STACK";
  readonly text: string;
}

class Resolver {
  readonly selection: Selection = openSelection();
  readonly #index: PackageIndex;
  readonly #omit: ReadonlySet<string>;
  /** What has to be selected in any case; nothing may be that excludes one of these. */
  readonly #unavoidable: Selection = openSelection();
  /** Packages whose dependencies were found to be out of reach, with the reasons. */
  readonly #discarded = new Map<string, readonly Reason[]>();
  /** Why something was not selected; forgotten when there was another way. */
  readonly #reasons: Reason[] = [];

  constructor(index: PackageIndex, request: ResolveRequest) {
    this.#index = index;
    this.#omit = new Set(request.omit);
    for (const each of request.selected ?? []) this.selection.add(each);
  }

  install(names: readonly string[]): void {
    // What was asked for is there before any dependency is looked at, so that it decides about alternatives.
    const requested = names.flatMap((name) => this.#request(name));
    this.#findUnavoidable(requested);
    for (const one of requested) {
      for (const dependency of one.depends) this.#fulfil(dependency, one);
    }
    this.#refuseFailures();
  }

  #request(text: string): readonly DebianPackage[] {
    const [name = "", version] = text.split("=");
    const requirement: Requirement = { name, relation: version === undefined ? undefined : "=", version };
    if (this.#omit.has(name) || this.selection.fulfils(requirement)) return [];
    const named = this.#named(name, version);
    const found = named === undefined && version === undefined ? this.#index.providers(name) : [named];
    const [one, other] = found;
    if (one === undefined) this.#lacks(`${requirementText(requirement)}, needed by the stack`);
    if (other !== undefined) {
      const several = found.map((each) => each?.name).join(", ");
      this.#lacks(`${name}, which is no package: name one of those that provide it, ${several}`);
    }
    if (one === undefined || other !== undefined) return [];
    this.#isClashing(one);
    this.selection.add(one);
    return [one];
  }

  #named(name: string, version: string | undefined): DebianPackage | undefined {
    if (version === undefined) return this.#index.candidate(name);
    return this.#index.named(name).find((each) => each.version === version);
  }

  // Otherwise a choice early on, where others are left, could exclude what later there is no choice about.
  #findUnavoidable(requested: readonly DebianPackage[]): void {
    const pending = [...requested];
    for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
      if (this.#unavoidable.get(one.name) !== undefined) continue;
      this.#unavoidable.add(one);
      for (const dependency of one.depends) {
        if (dependency.some((each) => this.#omit.has(each.name))) continue;
        const [only, other] = dependency.flatMap((each) => this.#solutions(each, true));
        if (only !== undefined && (other === undefined || other === only)) pending.push(only);
      }
    }
  }

  #fulfil(dependency: Dependency, wantedBy: DebianPackage): boolean {
    if (dependency.some((each) => this.#omit.has(each.name) || this.selection.fulfils(each))) return true;
    const before = this.#reasons.length;
    const solutions = dependency.flatMap((each) => this.#solutions(each));
    if (solutions.length === 0)
      this.#lacks(`${dependency.map(requirementText).join(" | ")}, needed by ${wantedBy.name}`);
    const isFulfilled = solutions.some((each) => this.#take(each));
    if (isFulfilled) this.#reasons.length = before;
    return isFulfilled;
  }

  /** Selects a package with all that it depends on, or nothing. */
  #take(one: DebianPackage): boolean {
    const known = this.#discarded.get(one.name);
    if (known !== undefined) this.#reasons.push(...known);
    if (known !== undefined || this.#isClashing(one)) return false;
    const [mark, before] = [this.selection.mark(), this.#reasons.length];
    this.selection.add(one);
    if (one.depends.every((dependency) => this.#fulfil(dependency, one))) return true;
    this.selection.takeBack(mark);
    this.#discarded.set(one.name, this.#reasons.slice(before));
    return false;
  }

  #isClashing(one: DebianPackage): boolean {
    const isAvoidable = this.#unavoidable.get(one.name) === undefined;
    const other = this.selection.clashOf(one) ?? (isAvoidable ? this.#unavoidable.clashOf(one) : undefined);
    if (other === undefined) return false;
    const text = `${one.name} ${one.version} excludes ${other.name} ${other.version}`;
    this.#reasons.push({ code: "INVALID_STACK", text });
    return true;
  }

  #lacks(text: string): void {
    this.#reasons.push({ code: "PACKAGE_NOT_FOUND", text });
  }

  // A package that is selected in a version that does not fit can not be had a second time.
  #solutions(requirement: Requirement, isSelectedToo = false): readonly DebianPackage[] {
    const named = this.#candidate(requirement.name);
    const own = named !== undefined && isFulfilledBy(requirement, named) ? [named] : [];
    const others = this.#index
      .providers(requirement.name)
      .filter((each) => each.name !== requirement.name && isProvidedBy(requirement, each) && !this.#omit.has(each.name))
      .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
    return [...own, ...others].filter((each) => isSelectedToo || this.selection.get(each.name) === undefined);
  }

  /** The selected version, which may be an older one that was asked for, or the candidate. */
  #candidate(name: string): DebianPackage | undefined {
    return this.selection.get(name) ?? this.#index.candidate(name);
  }

  #refuseFailures(): void {
    const textsOf = (code: Reason["code"]): string =>
      [...new Set(this.#reasons.filter((each) => each.code === code).map(({ text }) => text))].join("\n  ");
    const [missing, clashes] = [textsOf("PACKAGE_NOT_FOUND"), textsOf("INVALID_STACK")];
    if (missing !== "") {
      throw new TspackError("PACKAGE_NOT_FOUND", `The archive has no package for:\n  ${missing}`, {
        hint: "look for a typing mistake in stack.toml; `omit` names packages that only maintainer scripts need",
      });
    }
    if (clashes !== "") {
      throw new TspackError("INVALID_STACK", `Packages exclude each other:\n  ${clashes}`, {
        hint: "take one of the two out of stack.toml, or name another package that can be in its place",
      });
    }
  }
}

// As in apt, a package without a priority comes before those that have one.
function rank({ essential, priority }: DebianPackage): number {
  const place = ["required", "important", "standard", "optional", "extra"].indexOf(priority);
  return essential ? place - 10 : place;
}
