import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { namingSource, packageSources } from "./sources.ts";

const repository = resolve(import.meta.dirname, "../../..");

describe("a sample that is not built because a source of packages is missing", () => {
  it.each(packageSources)("names $name", ({ name, said, file }) => {
    // The buildpack's own words: when they change, this has to.
    expect(readFileSync(resolve(repository, file), "utf8")).toContain(said);
    const error = new Error(`tspack build: exit 51\nhint: ${said} and so on`);
    const named = namingSource(error) as Error;
    expect(named.message).toContain(name);
    expect(named.cause).toBe(error);
  });

  it("is told as it is when something else went wrong", () => {
    const error = new Error("tspack build: exit 51\nSyntaxError");
    expect(namingSource(error)).toBe(error);
  });
});
