import { describe, expect, test } from "vitest";
import { indexPackages } from "../../../lifecycle/platform/debian/package-index.ts";
import { resolvePackages } from "../../../lifecycle/platform/debian/resolve.ts";

function entry(name: string, version: string, fields: Readonly<Record<string, string>> = {}): string {
  const all = { Package: name, Version: version, Architecture: "amd64", ...fields };
  const text = Object.entries(all).map(([key, value]) => `${key}: ${value}\n`);
  return `${text.join("")}Filename: pool/${name}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n`;
}

function resolve(
  entries: readonly string[],
  names: readonly string[],
  omit: readonly string[] = [],
): readonly string[] {
  const index = indexPackages([{ archive: "debian", text: entries.join("\n") }]);
  return resolvePackages(index, { names, omit }).map((each) => `${each.name} ${each.version}`);
}

describe("resolvePackages", () => {
  test("follows Depends and Pre-Depends to the end, and not Recommends", () => {
    const entries = [
      entry("app", "1", { Depends: "lib", "Pre-Depends": "early", Recommends: "nice" }),
      entry("lib", "1", { Depends: "deep" }),
      entry("deep", "1", { Depends: "app" }),
      entry("early", "1"),
      entry("nice", "1"),
    ];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "deep 1", "early 1", "lib 1"]);
  });

  test("takes the newest version that there is in any index", () => {
    const index = indexPackages([
      { archive: "debian", text: `${entry("a", "1.0-1")}\n${entry("a", "1.0-1~bpo1")}` },
      { archive: "security", text: entry("a", "1.0-1+deb12u1") },
    ]);
    const [found] = resolvePackages(index, { names: ["a"], omit: [] });
    expect(found).toMatchObject({ version: "1.0-1+deb12u1", archive: "security" });
  });

  test("prefers an alternative that is selected already over the first one", () => {
    const entries = [entry("app", "1", { Depends: "first | second" }), entry("first", "1"), entry("second", "1")];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "first 1"]);
    expect(resolve(entries, ["second", "app"])).toEqual(["app 1", "second 1"]);
  });

  test("goes on to the next alternative when no version of the first one fits", () => {
    const entries = [entry("app", "1", { Depends: "a (>= 2) | b" }), entry("a", "1"), entry("b", "1")];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "b 1"]);
  });

  test("finds providers of a virtual package: the highest priority, then the first by name", () => {
    const entries = [
      entry("app", "1", { Depends: "awk" }),
      entry("zawk", "1", { Provides: "awk" }),
      entry("gawk", "1", { Provides: "awk" }),
      entry("mawk", "1", { Provides: "awk", Priority: "required" }),
    ];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "mawk 1"]);
  });

  test("a provided version fulfils a versioned dependency, a provide without version does not", () => {
    const versioned = entry("real", "9", { Provides: "api (= 2)" });
    expect(resolve([entry("app", "1", { Depends: "api (>= 2)" }), versioned], ["app"])).toEqual(["app 1", "real 9"]);
    const open = entry("real", "9", { Provides: "api" });
    expect(() => resolve([entry("app", "1", { Depends: "api (>= 2)" }), open], ["app"])).toThrow(
      expect.objectContaining({ code: "PACKAGE_NOT_FOUND" }),
    );
  });

  test("leaves out what is omitted, and asks for nothing in its place", () => {
    const entries = [
      entry("app", "1", { Depends: "debconf (>= 1) | debconf-2.0, lib" }),
      entry("debconf", "1", { Depends: "perl" }),
      entry("lib", "1"),
      entry("other", "1", { Provides: "debconf-2.0" }),
    ];
    expect(resolve(entries, ["app"], ["debconf"])).toEqual(["app 1", "lib 1"]);
  });

  test("reads architecture qualifiers as the package itself", () => {
    expect(
      resolve([entry("app", "1", { Depends: "python3:any (>= 3.5)" }), entry("python3", "3.11")], ["app"]),
    ).toEqual(["app 1", "python3 3.11"]);
  });

  test("names every package that is missing, with who needs it", () => {
    const entries = [entry("app", "1", { Depends: "gone (>= 2)" })];
    expect(() => resolve(entries, ["app", "tpyo"])).toThrow(
      expect.objectContaining({
        code: "PACKAGE_NOT_FOUND",
        message: expect.stringMatching(/tpyo, needed by the stack\n\s+gone \(>= 2\), needed by app/) as string,
      }),
    );
  });

  test("refuses packages that exclude each other", () => {
    const entries = [
      entry("a", "1", { Breaks: "b (<< 2)" }),
      entry("b", "1"),
      entry("c", "1", { Conflicts: "b (>= 2)" }),
    ];
    expect(resolve(entries, ["b", "c"])).toEqual(["b 1", "c 1"]);
    expect(() => resolve(entries, ["a", "b"])).toThrow(expect.objectContaining({ code: "INVALID_STACK" }));
  });

  test("a package may provide and conflict with the same name, as replacements do", () => {
    expect(resolve([entry("a", "1", { Provides: "mta", Conflicts: "mta" })], ["a"])).toEqual(["a 1"]);
  });

  test("keeps what the layer below has and returns only what is new", () => {
    const text = [entry("base", "1"), entry("base", "2"), entry("app", "1", { Depends: "base" })].join("\n");
    const index = indexPackages([{ archive: "debian", text }]);
    const old = index.named("base").filter((each) => each.version === "1");
    const found = resolvePackages(index, { names: ["app"], omit: [], selected: old });
    expect(found.map((each) => each.name)).toEqual(["app"]);
  });
});

test("an index tells the source package and where the file is", () => {
  const fields = { Source: "glibc (2.36-9)", Section: "libs" };
  const index = indexPackages([{ archive: "debian", text: entry("libc6", "2.36-9+b1", fields) }]);
  expect(index.named("libc6")[0]).toMatchObject({ source: "glibc 2.36-9", path: "pool/libc6.deb", size: 1 });
  expect(index.named("libc")).toEqual([]);
});
