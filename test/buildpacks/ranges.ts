import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as fc from "fast-check";
import { buildpackDirectory } from "./workspace.ts";

/** A range and versions to try on it. */
export interface RangeCase {
  readonly range: string;
  readonly versions: readonly string[];
}

/** Which of the versions satisfy each range; null for what is no range. */
export function satisfying(cases: readonly RangeCase[]): readonly (readonly string[] | null)[] {
  const filter = `include "semver";
    map(. as $c | (try ($c.range | range_of) catch null) as $sets
      | if $sets == null then null else [$c.versions[] | select(version | satisfies($sets))] end)`;
  const output = execFileSync("jq", ["-c", "-L", join(buildpackDirectory("nodejs"), "lib"), filter], {
    input: JSON.stringify(cases),
    maxBuffer: 1 << 28,
  });
  return JSON.parse(output.toString()) as (readonly string[] | null)[];
}

const number = (): fc.Arbitrary<string> => fc.constantFrom("0", "1", "2", "3", "10");
const prerelease = (): fc.Arbitrary<string> =>
  fc.constantFrom("", "", "", "-0", "-rc.1", "-alpha", "-beta.2.x", "-rc.01", "+b1", "-rc.1+b");

/** Versions, prereleases among them. */
export function versionsOfNpm(): fc.Arbitrary<string> {
  const suffix = fc.constantFrom("", "", "-0", "-rc.1", "-alpha", "-beta.2.x");
  return fc
    .tuple(number(), number(), number(), suffix)
    .map(([major, minor, patch, end]) => `${major}.${minor}.${patch}${end}`);
}

/** Good and bad ranges of npm's grammar, as people write them and as nobody should. */
export function rangesOfNpm(): fc.Arbitrary<string> {
  const part = fc.oneof(
    { weight: 4, arbitrary: number() },
    { weight: 1, arbitrary: fc.constantFrom("x", "X", "*", "01") },
  );
  const partial = fc
    .tuple(fc.constantFrom("", "", "", "v", "="), fc.array(part, { minLength: 1, maxLength: 3 }), prerelease())
    .map(([prefix, parts, end]) => `${prefix}${parts.join(".")}${parts.length === 3 ? end : ""}`);
  const operator = fc.constantFrom("", "", "^", "~", "~>", ">", "<", ">=", "<=", "=", "> ", ">= ", "^ ", "~ ");
  const comparator = fc.tuple(operator, partial).map(([before, version]) => before + version);
  const set = fc.oneof(
    { weight: 4, arbitrary: fc.array(comparator, { minLength: 1, maxLength: 2 }).map((all) => all.join(" ")) },
    { weight: 1, arbitrary: fc.tuple(partial, partial).map((ends) => ends.join(" - ")) },
    { weight: 1, arbitrary: fc.constantFrom("", " ", "abc", ">", "1.2.3.4", "1.2.-") },
  );
  return fc
    .tuple(fc.array(set, { minLength: 1, maxLength: 3 }), fc.constantFrom(" || ", "||"))
    .map(([sets, separator]) => sets.join(separator));
}
