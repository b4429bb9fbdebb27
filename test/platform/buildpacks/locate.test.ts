import fc from "fast-check";
import { mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closest, locate, splitId } from "../../../lifecycle/platform/buildpacks/locate.ts";
import { planOrder } from "../../../lifecycle/platform/buildpacks/plan-order.ts";
import { requestsOf } from "../../../lifecycle/platform/buildpacks/request.ts";
import { scratch } from "./module-fixture.ts";

const baseDir = scratch("locate");
mkdirSync(join(baseDir, "here"));
mkdirSync(join(baseDir, "tspack/shadow"), { recursive: true });
const known = [
  { id: "tspack/nodejs", version: "0.1.0" },
  { id: "tspack/shadow", version: "1" },
];
const scope = { baseDir, known, source: "--buildpack" };
const at = (text: string): unknown => locate({ kind: "reference", text }, scope);

describe("a reference", () => {
  test.each([
    ["from=builder", { kind: "builder-order" }],
    ["urn:cnb:builder:tspack/nodejs", { kind: "in-builder", id: "tspack/nodejs" }],
    ["from=builder:tspack/nodejs@0.1.0", { kind: "in-builder", version: "0.1.0" }],
    ["tspack/nodejs", { kind: "in-builder" }],
    ["tspack/nodejs@0.1.0", { kind: "in-builder", version: "0.1.0" }],
    ["here", { kind: "path", path: join(baseDir, "here") }],
    ["tspack/shadow", { kind: "path", path: join(baseDir, "tspack/shadow") }],
    [`file://${baseDir}/here`, { kind: "path", path: join(baseDir, "here") }],
    ["https://example.com/bp.tgz", { kind: "url", url: "https://example.com/bp.tgz" }],
    ["docker://example.com/bp:1", { kind: "image", guessed: false }],
    ["docker:/example.com/bp:1", { kind: "image", guessed: false }],
    ["example.com/bp:1", { kind: "image", guessed: true }],
    ["some/image", { kind: "image", guessed: true }],
    ["urn:cnb:registry:a/b", { kind: "registry", id: "a/b", version: undefined, guessed: false }],
    ["urn:cnb:registry:a/b@1", { kind: "registry", id: "a/b", version: "1", guessed: false }],
    ["a/b@1.2.3", { kind: "registry", id: "a/b", version: "1.2.3", guessed: true }],
  ])("%s is understood", (text, expected) => {
    expect(at(text)).toMatchObject(expected);
  });

  test.each([
    ["tspack/nodejs@9", "BUILDPACK_NOT_FOUND"],
    ["urn:cnb:builder:other", "BUILDPACK_NOT_FOUND"],
    ["./missing", "BUILDPACK_NOT_FOUND"],
    ["missing.cnb", "BUILDPACK_NOT_FOUND"],
    ["No/Image At All", "BUILDPACK_NOT_FOUND"],
    ["urn:cnb:registry:a", "INVALID_ARGUMENTS"],
    ["urn:cnb:registry:../b", "INVALID_ARGUMENTS"],
    ["./a@1", "BUILDPACK_NOT_FOUND"],
    ["ftp://example.com/bp.tgz", "INVALID_ARGUMENTS"],
    ["docker://UPPER", "INVALID_REFERENCE"],
  ])("%s is refused", (text, code) => {
    expect(() => at(text)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test("of a fetched application does not lead out of it, however it is written", () => {
    const within = join(realpathSync(baseDir), "here");
    mkdirSync(join(within, "bp"), { recursive: true });
    symlinkSync(baseDir, join(within, "link"));
    const confined = { ...scope, baseDir: within, within };
    const to = (text: string): unknown => locate({ kind: "uri", uri: text }, confined);
    expect(to("./bp")).toEqual({ kind: "path", path: join(within, "bp") });
    expect(to(`file://${within}/bp`)).toEqual({ kind: "path", path: join(within, "bp") });
    for (const text of ["..", "urn:/../..", "link", "link/here/../tspack", "file:///etc", "file:///%65tc", "/etc"])
      expect(() => to(text), text).toThrow(expect.objectContaining({ code: "INVALID_PROJECT" }) as Error);
  });

  test("that is mistyped gets the name that was meant", () => {
    expect(() => at("urn:cnb:builder:tspack/nodjs")).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("did you mean tspack/nodejs?") as string }) as Error,
    );
    expect(closest("nodejs", ["tspack/nodejs", "tspack/npm"])).toBe("tspack/nodejs");
    expect(closest("ruby", ["tspack/nodejs", "tspack/npm"])).toBeUndefined();
  });

  test("lists are cut at commas, and empty ones are none", () => {
    expect(requestsOf(["a, b", "", "c"]).map((request) => (request.kind === "reference" ? request.text : ""))).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(splitId("a@1")).toEqual(["a", "1"]);
    expect(splitId("a")).toEqual(["a", undefined]);
  });
});

const element = (id: string, version = "1"): { readonly id: string; readonly version: string } => ({ id, version });
const part = (id: string, version = "1"): { readonly kind: "one"; readonly element: ReturnType<typeof element> } => ({
  kind: "one",
  element: element(id, version),
});
const builderOrder = { kind: "builder-order" } as const;
const nothing = { buildpacks: [], pre: [], post: [], extensions: [] };
const builder = [{ group: [element("x"), element("y")] }, { group: [element("z")] }];
const ids = (order: ReturnType<typeof planOrder>): readonly string[] =>
  order.map(({ group }) => group.map(({ id }) => id).join(" "));

describe("the order of a build", () => {
  test.each([
    ["of named buildpacks is one group", { buildpacks: [part("a"), part("b")] }, ["a b"]],
    [
      "has the builder's groups where they were named",
      { buildpacks: [part("a"), builderOrder, part("b")] },
      ["a x y b", "a z b"],
    ],
    ["has pre and post around each group", { pre: [element("a")], post: [element("b")] }, ["a x y b", "a z b"]],
    ["of extensions only is the builder's", { extensions: [element("e")] }, ["x y", "z"]],
    ["takes a buildpack once", { buildpacks: [part("x"), builderOrder] }, ["x y", "x z"]],
  ])("%s", (_, request, expected) => {
    expect(ids(planOrder({ ...nothing, ...request }, builder))).toEqual(expected);
  });

  test.each([
    ["two versions of one buildpack", { buildpacks: [part("a", "1"), part("a", "2")] }],
    ["the builder's order twice", { buildpacks: [builderOrder, builderOrder] }],
    ["pre beside named ones", { buildpacks: [part("a")], pre: [element("b")] }],
  ])("refuses %s", (_, request) => {
    expect(() => planOrder({ ...nothing, ...request }, builder)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENTS" }) as Error,
    );
  });

  test("has every named buildpack in every group, in the order in which they were named", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-w]{1,3}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(names, fc.boolean(), (named, own) => {
        const parts = [...named.map((name) => part(name)), ...(own ? [builderOrder] : [])];
        const order = planOrder({ ...nothing, buildpacks: parts }, builder);
        expect(order).toHaveLength(own ? builder.length : 1);
        for (const { group } of order) expect(group.map(({ id }) => id).slice(0, named.length)).toEqual(named);
      }),
    );
  });
});
