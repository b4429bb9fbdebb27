import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory } from "./workspace.ts";

const tools = skipWithout("jq");
const lib = join(buildpackDirectory("nodejs"), "lib");
const versions = ["18.20.8", "20.19.0", "22.12.0", "22.13.1", "23.4.0", "24.1.0", "24.2.0", "25.0.0-rc.1", "25.9.0"];
const packument = { versions: Object.fromEntries(versions.map((version) => [version, { dist: {} }])) };

type Choice = { readonly version?: string; readonly nearest?: readonly string[] };

/** One process for all of them: starting jq costs more than the work. */
function chooseAll(wishes: readonly (readonly string[])[]): readonly Choice[] {
  const required = wishes.map((ranges) => ranges.map((range) => ({ range, source: "test" })));
  const args = ["-c", "-L", lib, "--argjson", "wishes", JSON.stringify(required)];
  const releases = ["--slurpfile", "releases", join(lib, "releases.json")];
  const filter = 'include "choose"; . as $packument | [$wishes[] as $wish | $packument | choose($wish)]';
  const output = execFileSync("jq", [...args, ...releases, filter], { input: JSON.stringify(packument) });
  return JSON.parse(output.toString()) as readonly Choice[];
}

const CHOSEN: readonly (readonly [ranges: readonly string[], version: string])[] = [
  [["^22"], "22.13.1"],
  [["~22.12.0"], "22.12.0"],
  [[">=18"], "24.2.0"],
  [["*"], "24.2.0"],
  [[">=20 <23"], "22.13.1"],
  [["18 || 20"], "20.19.0"],
  [[">24"], "25.9.0"],
  [["25.0.0-rc.1"], "25.0.0-rc.1"],
  [["=v23.4.0"], "23.4.0"],
  [["lts/*"], "24.2.0"],
  [["lts/Jod"], "22.13.1"],
  [["node"], "25.9.0"],
  [["22.12"], "22.12.0"],
  [[">=20", "<=22.12"], "22.12.0"],
];

const IMPOSSIBLE: readonly (readonly [ranges: readonly string[], nearest: readonly string[]])[] = [
  [["^99"], ["25.9.0"]],
  [["^21.2"], ["20.19.0", "22.12.0", "25.9.0"]],
  [["<10"], ["18.20.8", "25.9.0"]],
];

describe.skipIf(tools.skip)(`the choice of a Node.js${tools.note}`, () => {
  const found = tools.skip ? [] : chooseAll([...CHOSEN, ...IMPOSSIBLE].map(([ranges]) => ranges));

  it.each(CHOSEN.map(([ranges, version], index) => ({ ranges, version, index })))(
    "$ranges gives $version: long-term support first, then the newest",
    ({ version, index }) => {
      expect(found[index]?.version).toBe(version);
    },
  );

  it.each(IMPOSSIBLE.map(([ranges, nearest], index) => ({ ranges, nearest, index: CHOSEN.length + index })))(
    "$ranges gives no version, but its neighbours",
    ({ nearest, index }) => {
      expect(found[index]).toMatchObject({ nearest });
    },
  );
});
