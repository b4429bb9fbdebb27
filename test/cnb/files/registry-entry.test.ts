import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseRegistryEntry,
  compareSemver,
  decodeRegistryEntries,
  isRegistryId,
  registryEntryPath,
  registryImage,
} from "../../../lifecycle/cnb/files/registry-entry.ts";

const code = (value: string): Error => expect.objectContaining({ code: value }) as Error;
const digest = `sha256:${"ab".repeat(32)}`;
const line = (version: string, more: object = {}): string =>
  JSON.stringify({ ns: "example", name: "java", version, yanked: false, addr: `r.test/java@${digest}`, ...more });

describe("the file of a buildpack in an index", () => {
  test.each([
    ["example/java", "ja/va/example_java"],
    ["example/j", "1/example_j"],
    ["example/ja", "2/example_ja"],
    ["example/jav", "3/ja/example_jav"],
    ["my.org-1/a-very.long-name", "a-/ve/my.org-1_a-very.long-name"],
  ])("of %s is %s", (id, path) => {
    expect(registryEntryPath(id, "here")).toBe(path);
  });

  test.each(["java", "a/b/c", "A/b", "a/", "/b", "../b", "a/..", "a/b\n", "a/b_c", `a/${"b".repeat(254)}`])(
    "of %j is none",
    (id) => {
      expect(isRegistryId(id)).toBe(false);
      expect(() => registryEntryPath(id, "here")).toThrow(code("INVALID_ARGUMENTS"));
    },
  );

  test("has an entry per line, and says which line is wrong", () => {
    const text = `${line("0.1.0")}\r\n\n${line("0.2.0", { yanked: true })}\n`;
    expect(decodeRegistryEntries(text, "f")).toEqual([
      { id: "example/java", version: "0.1.0", yanked: false, address: `r.test/java@${digest}` },
      { id: "example/java", version: "0.2.0", yanked: true, address: `r.test/java@${digest}` },
    ]);
    for (const wrong of ["{", "[]", '{"ns":"a","name":"b"}', '{"ns":"a","name":"b","version":1}'])
      expect(() => decodeRegistryEntries(`${line("1.0.0")}\n${wrong}`, "f"), wrong).toThrow(
        expect.objectContaining({
          code: "INVALID_JSON",
          message: expect.stringContaining("f:2") as string,
        }) as Error,
      );
  });
});

describe("the version of a buildpack", () => {
  const entries = decodeRegistryEntries(
    [line("1.9.0"), line("1.10.0"), line("2.0.0", { yanked: true }), line("1.10.1-rc.1"), line("nightly")].join("\n"),
    "f",
  );

  test("is the highest that was not taken back, or the one that was named", () => {
    expect(chooseRegistryEntry(entries, undefined)?.version).toBe("1.10.1-rc.1");
    expect(chooseRegistryEntry(entries, "2.0.0")?.version).toBe("2.0.0");
    expect(chooseRegistryEntry(entries, "1.9")).toBeUndefined();
    expect(chooseRegistryEntry([], undefined)).toBeUndefined();
  });

  test("is compared by Semantic Versioning, section 11", () => {
    const ordered = [
      ...["no-version", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"],
      ...["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0"],
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(ordered, { minLength: ordered.length }), (shuffled) => {
        expect(shuffled.toSorted(compareSemver)).toEqual(ordered);
      }),
    );
    expect(compareSemver("1.0.0+a", "v1.0.0+b")).toBe(0);
  });

  test("is an image with its digest, and no tag that could be moved", () => {
    const [entry] = decodeRegistryEntries(line("1.0.0"), "f");
    if (entry === undefined) throw new Error("one entry");
    expect(registryImage(entry, "f")).toMatchObject({ registry: "r.test", repository: "java", digest });
    for (const address of ["", "r.test/java:1.0.0", "r.test/java"])
      expect(() => registryImage({ ...entry, address }, "f")).toThrow(code("INVALID_BUILDPACK"));
  });
});
