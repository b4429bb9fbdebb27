import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupElement } from "../../lifecycle/cnb/files/group.ts";
import type { BuildPlan, PlanSections, Require } from "../../lifecycle/cnb/files/plan.ts";
import {
  buildPlanProblem,
  metNames,
  planFor,
  type PlanParticipant,
  planStepText,
  resolvePlan,
  withoutMet,
} from "../../lifecycle/cnb/plan.ts";

function require(name: string): Require {
  return { name, metadata: undefined };
}

function names(text: string): readonly string[] {
  return text.split(" ").filter((one) => one !== "");
}

function sections(provides: string, requires: string): PlanSections {
  return { provides: names(provides).map((name) => ({ name })), requires: names(requires).map(require) };
}

function participant(id: string, optional: boolean, ...alternatives: readonly PlanSections[]): PlanParticipant {
  const [first = sections("", ""), ...or] = alternatives;
  return { element: { id, version: "1", api: "0.10", ...(optional ? { optional } : {}) }, plan: { ...first, or } };
}

function resolve(...participants: readonly PlanParticipant[]) {
  const result = resolvePlan(participants);
  const log = result.steps.map(planStepText);
  return result.kind === "fail"
    ? { kind: result.kind, log }
    : { kind: result.kind, log, group: result.group.map(({ id }) => id), plan: result.plan };
}

describe("resolvePlan", () => {
  test("a requirement is met by an element before it or by itself", () => {
    const result = resolve(participant("a", false, sections("x", "")), participant("b", false, sections("y", "x y")));
    expect(result).toMatchObject({
      kind: "pass",
      group: ["a", "b"],
      plan: {
        entries: [
          { providers: [{ id: "a", version: "1" }], requires: [{ name: "x" }] },
          { providers: [{ id: "b", version: "1" }], requires: [{ name: "y" }] },
        ],
      },
    });
  });

  test("a requirement before its provider fails, with the reason", () => {
    const result = resolve(participant("a", false, sections("", "x")), participant("b", false, sections("x", "")));
    expect(result).toEqual({ kind: "fail", log: ["Resolving plan... (try #1)", "fail: a@1 requires x"] });
  });

  test("what nobody requires fails", () => {
    const result = resolve(participant("a", false, sections("x", "")));
    expect(result).toEqual({ kind: "fail", log: ["Resolving plan... (try #1)", "fail: a@1 provides unused x"] });
  });

  test("an optional element that is in the way is left out, and what only it needed with it", () => {
    const result = resolve(
      participant("p", true, sections("x", "")),
      participant("q", true, sections("", "x z")),
      participant("r", false),
    );
    expect(result).toMatchObject({ kind: "pass", group: ["r"], plan: { entries: [] } });
    expect(result.log).toEqual(["Resolving plan... (try #1)", "skip: q@1 requires z", "skip: p@1 provides unused x"]);
  });

  test("alternatives are tried in order, the last element's first, and only the last may be left out", () => {
    const result = resolve(
      participant("a", false, sections("x", "")),
      participant("b", true, sections("", "y"), sections("", "x")),
    );
    expect(result.log).toEqual(["Resolving plan... (try #1)", "fail: b@1 requires y", "Resolving plan... (try #2)"]);
    expect(result).toMatchObject({ kind: "pass", group: ["a", "b"] });
  });

  test("a group of which nothing remains fails", () => {
    const result = resolve(participant("a", true, sections("x", "")));
    expect(result.log.at(-1)).toBe("fail: no viable buildpacks in group");
  });

  test("a later provider of a name that was required already has to be required again", () => {
    const first = participant("a", false, sections("x", "x"));
    expect(resolve(first, participant("b", false, sections("x", ""))).kind).toBe("fail");
    expect(resolve(first, participant("b", false, sections("x", "x")))).toMatchObject({
      plan: { entries: [{ providers: [{ id: "a" }, { id: "b" }], requires: [{ name: "x" }, { name: "x" }] }] },
    });
  });
});

const name = fc.constantFrom("x", "y", "z");
const anySections = fc.record({
  provides: fc.array(fc.record({ name }), { maxLength: 2 }),
  requires: fc.array(name.map(require), { maxLength: 2 }),
});
const anyPlan: fc.Arbitrary<BuildPlan> = fc
  .tuple(anySections, fc.array(anySections, { maxLength: 2 }))
  .map(([first, or]) => ({ ...first, or }));
const anyGroup = fc
  .array(fc.tuple(fc.boolean(), anyPlan), { minLength: 1, maxLength: 5 })
  .map((list) => list.map(([optional, plan], index) => ({ ...participant(`b${index}`, optional), plan })));

test("in a resolved plan every requirement has a provider of the group, and required elements stay", () => {
  fc.assert(
    fc.property(anyGroup, (participants) => {
      const result = resolvePlan(participants);
      if (result.kind === "fail") return;
      const ids = result.group.map(({ id }) => id);
      for (const { element } of participants) if (element.optional !== true) expect(ids).toContain(element.id);
      for (const { providers, requires } of result.plan.entries) {
        expect(providers.length).toBeGreaterThan(0);
        expect(requires.length).toBeGreaterThan(0);
        for (const provider of providers) expect(ids).toContain(provider.id);
      }
    }),
  );
});

test("a plan of which all is provided before it is required always resolves", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }), (wanted) => {
      const providers = wanted.map((one, index) => ({
        ...participant(`p${index}`, false),
        plan: { provides: [{ name: one }], requires: [], or: [] },
      }));
      const last = { ...participant("last", false), plan: { provides: [], requires: wanted.map(require), or: [] } };
      expect(resolvePlan([...providers, last]).kind).toBe("pass");
      expect(resolvePlan([last, ...providers]).kind).toBe("fail");
    }),
  );
});

describe("a plan during build", () => {
  const a: GroupElement = { id: "a", version: "1" };
  const extension: GroupElement = { id: "a", version: "1", extension: true };
  const plan = {
    entries: [
      { providers: [a], requires: [require("x"), { name: "x", metadata: { v: 1n } }] },
      { providers: [extension], requires: [require("y")] },
    ],
  };

  test("a buildpack gets the requirements of its entries, an extension of the same name others", () => {
    expect(planFor(plan, a).entries.map(({ name: entry }) => entry)).toEqual(["x", "x"]);
    expect(planFor(plan, extension).entries.map(({ name: entry }) => entry)).toEqual(["y"]);
  });

  test("what was met is gone for the next one, what was called unmet is not", () => {
    expect(metNames(planFor(plan, a), [])).toEqual(["x", "x"]);
    expect(metNames(planFor(plan, a), [{ name: "x" }])).toEqual([]);
    expect(withoutMet(plan, ["x"]).entries).toHaveLength(1);
  });
});

test("a top-level version and a requirement of an extension are refused", () => {
  const plan: BuildPlan = {
    ...sections("", ""),
    or: [{ provides: [], requires: [{ name: "x", version: "1", metadata: undefined }] }],
  };
  expect(buildPlanProblem(plan, { id: "a", version: "1" })).toContain('has a "version" key which is not supported');
  expect(buildPlanProblem(plan, { id: "a", version: "1", extension: true })).toContain('outputs "requires"');
  expect(buildPlanProblem({ ...sections("x", "x"), or: [] }, { id: "a", version: "1" })).toBeUndefined();
});
