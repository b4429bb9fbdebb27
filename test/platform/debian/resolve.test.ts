import { describe, expect, test } from "vitest";
import { indexPackages, type Pin } from "../../../lifecycle/platform/debian/package-index.ts";
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
      entry("zawk", "1", { Provides: "awk", Priority: "optional" }),
      entry("gawk", "1", { Provides: "awk", Priority: "optional" }),
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

  test("a qualifier :any is for packages that allow it, :native for all, a processor for its own", () => {
    const allowed = entry("python3", "3.11", { "Multi-Arch": "allowed" });
    const depends = (on: string): string => entry("app", "1", { Depends: on });
    expect(resolve([depends("python3:any (>= 3.5)"), allowed], ["app"])).toEqual(["app 1", "python3 3.11"]);
    for (const fitting of ["python3:native", "python3:amd64"])
      expect(resolve([depends(fitting), entry("python3", "3.11")], ["app"])).toEqual(["app 1", "python3 3.11"]);
    for (const other of ["python3:any", "python3:i386"]) {
      expect(() => resolve([depends(other), entry("python3", "3.11")], ["app"])).toThrow(
        expect.objectContaining({ code: "PACKAGE_NOT_FOUND", message: expect.stringContaining(other) as string }),
      );
    }
  });

  test("what was asked for decides about alternatives, wherever it stands in the list", () => {
    const entries = [entry("app", "1", { Depends: "first | second" }), entry("first", "1"), entry("second", "1")];
    expect(resolve(entries, ["app", "second"])).toEqual(["app 1", "second 1"]);
  });

  test("follows one dependency to its end before the next one", () => {
    const entries = [
      entry("app", "1", { Depends: "fonts, tool" }),
      entry("fonts", "1", { Depends: "font-a | font-b" }),
      entry("tool", "1", { Depends: "font-b" }),
      entry("font-a", "1"),
      entry("font-b", "1"),
    ];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "font-a 1", "font-b 1", "fonts 1", "tool 1"]);
  });

  test("takes the next alternative where the first one excludes what is selected, or can not be complete", () => {
    const entries = [
      entry("app", "1", { Depends: "base, audio | other" }),
      entry("base", "1", { Breaks: "audio" }),
      entry("audio", "1"),
      entry("other", "1"),
      entry("tool", "1", { Depends: "half | other" }),
      entry("half", "1", { Depends: "extra, gone" }),
      entry("extra", "1"),
    ];
    expect(resolve(entries, ["app"])).toEqual(["app 1", "base 1", "other 1"]);
    expect(resolve(entries, ["tool"])).toEqual(["other 1", "tool 1"]);
    expect(() => resolve([...entries, entry("again", "1", { Depends: "half" })], ["tool", "again"])).toThrow(
      expect.objectContaining({
        code: "PACKAGE_NOT_FOUND",
        message: expect.stringMatching(/gone, needed by half/) as string,
      }),
    );
  });

  test("depends on the candidate version only: an older one that would fit is not taken", () => {
    const text = [entry("app", "1", { Depends: "lib (<< 2)" }), entry("lib", "1"), entry("lib", "2")];
    expect(() => resolve(text, ["app"])).toThrow(expect.objectContaining({ code: "PACKAGE_NOT_FOUND" }));
    expect(resolve(text, ["app", "lib=1"])).toEqual(["app 1", "lib 1"]);
  });

  test("a virtual package may be asked for when one package provides it", () => {
    const one = entry("mawk", "1", { Provides: "awk" });
    expect(resolve([one], ["awk"])).toEqual(["mawk 1"]);
    expect(() => resolve([one, entry("gawk", "1", { Provides: "awk" })], ["awk"])).toThrow(
      expect.objectContaining({ code: "PACKAGE_NOT_FOUND", message: expect.stringContaining("gawk, mawk") as string }),
    );
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

describe("pins", () => {
  const text = (version: string): string => entry("tool", version);
  const choose = (pins: readonly Pin[], priority = 100): string | undefined =>
    indexPackages(
      [
        { archive: "debian", suite: "stable", text: `${text("1.0")}\n${text("1.1")}` },
        { archive: "debian", suite: "backports", priority, text: text("2.0") },
      ],
      pins,
    ).candidate("tool")?.version;

  test("without one the newest version of the highest priority counts", () => {
    expect(choose([])).toBe("1.1");
    expect(choose([], 500)).toBe("2.0");
  });

  test("prefer a suite, a version, or a version of a suite", () => {
    expect(choose([{ package: "tool", suite: "backports", priority: 990 }])).toBe("2.0");
    expect(choose([{ package: "t*", version: "1.0*", priority: 990 }])).toBe("1.0");
    expect(choose([{ package: "tool", suite: "stable", version: "2*", priority: 990 }])).toBe("1.1");
    expect(choose([{ package: "other", suite: "backports", priority: 990 }])).toBe("1.1");
  });

  test("the first one that speaks of a version counts, and one below 0 keeps it away", () => {
    const never = { package: "*", suite: "stable", priority: -1 };
    expect(choose([never])).toBe("2.0");
    expect(choose([never, { package: "tool", version: "1.1", priority: 990 }])).toBe("2.0");
    expect(choose([{ package: "tool", priority: -1 }])).toBeUndefined();
  });
});

test("an index tells the source package and where the file is", () => {
  const fields = { Source: "glibc (2.36-9)", Section: "libs" };
  const index = indexPackages([{ archive: "debian", text: entry("libc6", "2.36-9+b1", fields) }]);
  expect(index.named("libc6")[0]).toMatchObject({ source: "glibc 2.36-9", path: "pool/libc6.deb", size: 1 });
  expect(index.named("libc")).toEqual([]);
});
