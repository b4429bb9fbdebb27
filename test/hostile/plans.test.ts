import { describe, expect, test } from "vitest";
import { type BuildPlan, decodeBuildPlan, decodePlan, encodePlan } from "../../lifecycle/cnb/files/plan.ts";
import type { GroupElement, OrderGroup } from "../../lifecycle/cnb/files/group.ts";
import { searchOrder } from "../../lifecycle/cnb/order.ts";
import { metNames, planFor, type PlanParticipant, resolvePlan, withoutMet } from "../../lifecycle/cnb/plan.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { codeOf, growthOf, within } from "./bounds.ts";

const element = (id: string): GroupElement => ({ id, version: "1" });
const planOf = (toml: string): BuildPlan => decodeBuildPlan(parseToml(toml, "plan.toml"));
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe("a plan", () => {
  test("with 10,000 requirements is read, resolved, written and handed out in seconds", async () => {
    const provides = numbers(10_000).map((n) => `[[provides]]\nname = "n${n}"\n`);
    const requires = numbers(10_000).map((n) => `[[requires]]\nname = "n${n}"\n[requires.metadata]\nv = ${n}\n`);
    await within(10_000, () => {
      const resolution = resolvePlan([
        { element: element("p"), plan: planOf(provides.join("")) },
        { element: element("r"), plan: planOf(requires.join("")) },
      ]);
      if (resolution.kind === "fail") throw new Error("the plan does not resolve");
      const plan = decodePlan(parseToml(encodePlan(resolution.plan), "plan.toml"));
      const own = planFor(plan, { id: "p" });
      expect(own.entries).toHaveLength(10_000);
      expect(withoutMet(plan, metNames(own, [])).entries).toHaveLength(0);
    });
  });

  test("with one name required 200,000 times resolves", async () => {
    const requires = {
      requires: numbers(200_000).map(() => ({ name: "n", metadata: undefined })),
      provides: [],
      or: [],
    };
    const participants = [
      { element: element("p"), plan: planOf('[[provides]]\nname = "n"') },
      { element: element("r"), plan: requires },
    ];
    expect((await within(5000, () => resolvePlan(participants))).kind).toBe("pass");
  });

  test("of an element that provides what nobody wants, 200,000 times, fails", async () => {
    const provides = { requires: [], provides: numbers(200_000).map((n) => ({ name: `n${n}` })), or: [] };
    const participants = [{ element: { ...element("p"), optional: true }, plan: provides }];
    expect((await within(5000, () => resolvePlan(participants))).kind).toBe("fail");
  });

  test("with more combinations of alternatives than anybody can try is INVALID_PLAN, in bounded time and memory", async () => {
    const participants = numbers(40).map((n): PlanParticipant => ({
      element: element(`b${n}`),
      plan: planOf(
        '[[provides]]\nname = "a"\n[[or]]\n[[or.provides]]\nname = "b"\n[[or]]\n[[or.provides]]\nname = "c"',
      ),
    }));
    let code = "";
    const growth = await growthOf(async () => {
      code = await within(15_000, () => codeOf(() => resolvePlan(participants)));
    });
    expect(code).toBe("INVALID_PLAN");
    expect(growth).toBeLessThan(300);
  });

  test("whose only good combination is among the last of a thousand is found", () => {
    const alternatives = '[[provides]]\nname = "x"\n[[or]]\n';
    const participants = numbers(10).map((n) => ({ element: element(`b${n}`), plan: planOf(alternatives) }));
    expect(resolvePlan(participants)).toMatchObject({ kind: "pass", steps: { length: 2 * 1023 + 1 } });
  });
});

describe("an order", () => {
  const twice = (id: string): readonly OrderGroup[] => [{ group: [element(`${id}a`)] }, { group: [element(`${id}b`)] }];

  test("of composites that multiply to more groups than anybody can try is INVALID_ORDER", async () => {
    const order = { order: [{ group: numbers(40).map((n) => element(`c${n}`)) }], orderExtensions: [] };
    const lookup = ({ id }: GroupElement): readonly OrderGroup[] => (/^c\d+$/.test(id) ? twice(id) : []);
    const search = (): Promise<unknown> => searchOrder(order, lookup, () => Promise.resolve({ kind: "fail" }));
    expect(await within(15_000, () => codeOf(search))).toBe("INVALID_ORDER");
  });

  test("of composites that contain each other in a ring is INVALID_ORDER", async () => {
    const ring = ({ id }: GroupElement): readonly OrderGroup[] => [{ group: [element(String((Number(id) + 1) % 50))] }];
    const order = { order: [{ group: [element("0")] }], orderExtensions: [] };
    const search = (): Promise<unknown> => searchOrder(order, ring, () => Promise.resolve({ kind: "fail" }));
    expect(await within(2000, () => codeOf(search))).toBe("INVALID_ORDER");
  });

  test("of 5,000 buildpacks in a group is tried", async () => {
    const order = { order: [{ group: numbers(5000).map((n) => element(`b${n}`)) }], orderExtensions: [] };
    const search = searchOrder(
      order,
      () => [],
      (group) => Promise.resolve({ kind: "pass", value: group.length }),
    );
    expect(await within(5000, () => search)).toEqual({ kind: "pass", value: 5000 });
  });
});
