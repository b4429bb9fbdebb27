import { describe, expect, test } from "vitest";
import type { GroupElement, OrderGroup } from "../../lifecycle/cnb/files/group.ts";
import {
  candidateGroups,
  type CandidateOutcome,
  type LookupResult,
  searchOrder,
  withSystemBuildpacks,
} from "../../lifecycle/cnb/order.ts";

function element(text: string): GroupElement {
  const [, id = "", version = "1", optional] = /^([^@?]+)(?:@([^?]+))?(\?)?$/.exec(text) ?? [];
  return { id, version, ...(optional === undefined ? {} : { optional: true }) };
}

/** `"a b?"` is a group of a and the optional b. */
function order(...groups: readonly string[]): readonly OrderGroup[] {
  return groups.map((group) => ({ group: group.split(" ").map(element) }));
}

const composites: Readonly<Record<string, LookupResult>> = {
  m: order("a b", "c"),
  outer: order("m? d", "e"),
  loop: order("pool"),
  pool: order("a", "loop"),
  self: order("self"),
  twice: order("m m a"),
  hidden: "skip",
};

function lookup({ id }: GroupElement): LookupResult {
  return composites[id] ?? [];
}

function ids(group: readonly GroupElement[]): string {
  return group.map(({ id }) => id).join(" ");
}

async function candidates(...groups: readonly string[]): Promise<readonly string[]> {
  return (await candidateGroups({ order: order(...groups), orderExtensions: [] }, lookup)).map(ids);
}

describe("candidate groups", () => {
  test("a composite is replaced by each of its alternatives in turn", async () => {
    expect(await candidates("x m y", "z")).toEqual(["x a b y", "x c y", "z"]);
  });

  test("an optional composite is left out at last", async () => {
    expect(await candidates("m? y")).toEqual(["a b y", "c y", "y"]);
  });

  test("composites nest, and what follows them is kept", async () => {
    expect(await candidates("outer y")).toEqual(["a b d y", "c d y", "d y", "e y"]);
  });

  test("an id that was there is not taken again, whatever its version", async () => {
    expect(await candidates("a@1 b a@2 b@3")).toEqual(["a b"]);
  });

  test("the same composite may stand twice in a group", async () => {
    expect(await candidates("m m")).toEqual(["a b", "a b c", "c a b", "c"]);
  });

  test("what the execution environment leaves out does not count", async () => {
    expect(await candidates("hidden a")).toEqual(["a"]);
  });

  test("extensions are tried before the buildpacks, and without them", async () => {
    const extension = { id: "x", version: "1", extension: true, optional: true };
    const file = { order: order("x y"), orderExtensions: [{ group: [extension] }] };
    const found = await candidateGroups(file, lookup);
    expect(found).toEqual([[extension, element("x"), element("y")], order("x y")[0]?.group]);
  });
});

test.each([
  ["self", "self@1 -> self@1"],
  ["a loop", "loop@1 -> pool@1 -> loop@1"],
])("a composite that contains itself is an error that names the way: %s", async (group, way) => {
  await expect(candidates(group)).rejects.toMatchObject({ code: "INVALID_ORDER", issues: [{ got: way }] });
});

async function search(groups: readonly string[], outcomes: Readonly<Record<string, CandidateOutcome<string>["kind"]>>) {
  const tried: string[] = [];
  const outcome = await searchOrder({ order: order(...groups), orderExtensions: [] }, lookup, (candidate) => {
    tried.push(ids(candidate));
    const kind = outcomes[ids(candidate)] ?? "fail";
    return Promise.resolve(kind === "pass" ? { kind, value: ids(candidate) } : { kind });
  });
  return { tried, outcome };
}

describe("the search", () => {
  test("ends with the first group that passes", async () => {
    const { tried, outcome } = await search(["m y", "z"], { "c y": "pass" });
    expect(tried).toEqual(["a b y", "c y"]);
    expect(outcome).toEqual({ kind: "pass", value: "c y" });
  });

  test("goes on after an error and reports it when nothing passes", async () => {
    expect((await search(["a", "b"], { a: "error" })).outcome).toEqual({ kind: "error" });
    expect((await search(["a", "b"], { a: "error", b: "pass" })).outcome).toEqual({ kind: "pass", value: "b" });
    expect((await search(["a", "b"], {})).outcome).toEqual({ kind: "fail" });
  });

  test("an error within an optional composite is forgotten when the rest merely fails", async () => {
    expect((await search(["m? y"], { "a b y": "error" })).outcome).toEqual({ kind: "fail" });
    expect((await search(["m y"], { "a b y": "error" })).outcome).toEqual({ kind: "error" });
  });
});

test("system buildpacks go around every group that does not have them", () => {
  const file = { order: order("a b", "c"), orderExtensions: [] };
  const { order: merged, added } = withSystemBuildpacks(file, {
    pre: [element("p"), element("a@9")],
    post: [element("c")],
  });
  expect(merged.order.map(({ group }) => ids(group))).toEqual(["p a b c", "p a c"]);
  expect(added).toEqual([
    { pre: 1, post: 1 },
    { pre: 2, post: 0 },
  ]);
});
