import { InputError, TspackError } from "../errors.ts";
import { elementName, type GroupElement, type OrderFile, type OrderGroup } from "./files/group.ts";
import type { SystemToml } from "./files/system.ts";

/** The order of a composite, empty for a component; `skip` for what the execution environment leaves out. */
export type LookupResult = readonly OrderGroup[] | "skip";

/** Looks a buildpack or extension up; throws when it does not exist. */
export type LookupOrder = (element: GroupElement) => Promise<LookupResult> | LookupResult;

/** What became of a candidate group. Only `pass` ends the search. */
export type CandidateOutcome<T> =
  | { readonly kind: "pass"; readonly value: T }
  /** Some buildpack declined, or there is no plan. */
  | { readonly kind: "fail" }
  /** Some buildpack went wrong: other groups are still tried, but the end is another exit code. */
  | { readonly kind: "error" };

/** A position of a group: a buildpack or extension, or an order in its place. */
type Slot =
  | { readonly kind: "element"; readonly element: GroupElement; readonly within: readonly string[] }
  | { readonly kind: "order"; readonly order: readonly OrderGroup[] };

/**
 * Tries the candidate groups of an order, depth first, until one passes. A candidate is a group in
 * which composites are replaced by one of their alternatives; of elements with the same id the first
 * one counts, whatever the version. Throws `INVALID_ORDER` for a composite that contains itself and
 * for an order without end, and what `lookup` and `attempt` throw. Platform specification, detector, "order resolution".
 */
export async function searchOrder<T>(
  order: OrderFile,
  lookup: LookupOrder,
  attempt: (candidate: readonly GroupElement[]) => Promise<CandidateOutcome<T>>,
): Promise<CandidateOutcome<T>> {
  let attempts = 0;
  const counted = (candidate: readonly GroupElement[]): Promise<CandidateOutcome<T>> => {
    attempts += 1;
    if (attempts > mostCandidates) throw tooManyCandidates();
    return attempt(candidate);
  };
  const search = { lookup, attempt: counted };
  const extensions: readonly Slot[] =
    order.orderExtensions.length === 0 ? [] : [{ kind: "order", order: order.orderExtensions }];
  let failed: CandidateOutcome<T> = { kind: "fail" };
  for (const { group } of order.order) {
    const outcome = await searchGroup(search, [], [...extensions, ...slots(group, [])]);
    if (outcome.kind === "pass") return outcome;
    if (outcome.kind === "error") failed = outcome;
  }
  return failed;
}

/** Composites within composites multiply; no builder has nearly as many groups. */
const mostCandidates = 100_000;

function tooManyCandidates(): TspackError {
  return new TspackError("INVALID_ORDER", `the order stands for more than ${mostCandidates} groups`, {
    hint: "composite buildpacks with several groups multiply each other: put fewer of them into one group",
  });
}

/** All candidate groups in the order in which they would be tried if every one failed. */
export async function candidateGroups(
  order: OrderFile,
  lookup: LookupOrder,
): Promise<readonly (readonly GroupElement[])[]> {
  const candidates: (readonly GroupElement[])[] = [];
  await searchOrder(order, lookup, (candidate) => {
    candidates.push(candidate);
    return Promise.resolve({ kind: "fail" });
  });
  return candidates;
}

interface Search<T> {
  readonly lookup: LookupOrder;
  readonly attempt: (candidate: readonly GroupElement[]) => Promise<CandidateOutcome<T>>;
}

function slots(group: readonly GroupElement[], within: readonly string[]): readonly Slot[] {
  return group.map((element) => ({ kind: "element", element, within }));
}

async function searchGroup<T>(
  search: Search<T>,
  done: readonly GroupElement[],
  group: readonly Slot[],
): Promise<CandidateOutcome<T>> {
  const candidate = [...done];
  for (const [index, slot] of group.entries()) {
    const rest = group.slice(index + 1);
    // The order of extensions stands before every group and may be left out as a whole.
    if (slot.kind === "order") return searchNested(search, candidate, slot.order, [], rest, true);
    const { element, within } = slot;
    if (candidate.some((other) => isSame(other, element))) continue;
    const nested = await search.lookup(element);
    if (nested === "skip") continue;
    if (nested.length > 0) {
      const chain = [...within, elementName(element)];
      if (within.includes(elementName(element))) throw cycle(chain);
      return searchNested(search, candidate, nested, chain, rest, element.optional === true);
    }
    candidate.push(element);
  }
  return search.attempt(candidate);
}

async function searchNested<T>(
  search: Search<T>,
  done: readonly GroupElement[],
  order: readonly OrderGroup[],
  chain: readonly string[],
  rest: readonly Slot[],
  optional: boolean,
): Promise<CandidateOutcome<T>> {
  let failed: CandidateOutcome<T> = { kind: "fail" };
  for (const { group } of order) {
    const outcome = await searchGroup(search, done, [...slots(group, chain), ...rest]);
    if (outcome.kind === "pass") return outcome;
    if (outcome.kind === "error") failed = outcome;
  }
  return optional ? searchGroup(search, done, rest) : failed;
}

function isSame(a: GroupElement, b: GroupElement): boolean {
  return a.id === b.id && (a.extension ?? false) === (b.extension ?? false);
}

function cycle(chain: readonly string[]): InputError {
  const issue = {
    source: `buildpack ${chain[0] ?? ""}`,
    path: "order",
    expected: "a buildpack that does not contain itself",
    got: chain.join(" -> "),
  };
  return new InputError("INVALID_ORDER", `a buildpack contains itself: ${issue.got}`, [issue], {
    hint: "take one of them out of the order of the other",
  });
}

/** An order with system buildpacks around every group, and how many were new in each, for the log. */
export interface OrderWithSystem {
  readonly order: OrderFile;
  readonly added: readonly { readonly pre: number; readonly post: number }[];
}

/** Puts the operator's buildpacks before and after every group that does not have them by id. Platform API 0.15. */
export function withSystemBuildpacks(file: OrderFile, system: SystemToml): OrderWithSystem {
  const parts = file.order.map(({ group }) => {
    const isNew = ({ id }: GroupElement): boolean => group.every((element) => element.id !== id);
    return { group, pre: system.pre.filter(isNew), post: system.post.filter(isNew) };
  });
  return {
    order: { ...file, order: parts.map(({ pre, group, post }) => ({ group: [...pre, ...group, ...post] })) },
    added: parts.map(({ pre, post }) => ({ pre: pre.length, post: post.length })),
  };
}
