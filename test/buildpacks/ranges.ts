import { execFileSync } from "node:child_process";
import { join } from "node:path";
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
