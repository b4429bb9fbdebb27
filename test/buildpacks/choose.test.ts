import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory } from "./workspace.ts";

const tools = skipWithout("jq");
const lib = join(buildpackDirectory("nodejs"), "lib");
const versions = ["18.20.8", "20.19.0", "22.12.0", "22.13.1", "23.4.0", "24.1.0", "24.2.0", "25.0.0-rc.1", "25.9.0"];
const packument = { versions: Object.fromEntries(versions.map((version) => [version, { dist: {} }])) };

function choose(ranges: readonly string[]): { readonly version?: string; readonly nearest?: readonly string[] } {
  const required = ranges.map((range) => ({ range, source: "test" }));
  const args = ["-c", "-L", lib, "--argjson", "required", JSON.stringify(required)];
  const releases = ["--slurpfile", "releases", join(lib, "releases.json")];
  const output = execFileSync("jq", [...args, ...releases, 'include "choose"; choose($required)'], {
    input: JSON.stringify(packument),
  });
  return JSON.parse(output.toString()) as ReturnType<typeof choose>;
}

describe.skipIf(tools.skip)(`the choice of a Node.js${tools.note}`, () => {
  it.each([
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
  ])("%j gives %s: long-term support first, then the newest", (ranges, version) => {
    expect(choose(ranges).version).toBe(version);
  });

  it.each([
    [["^99"], ["25.9.0"]],
    [["^21.2"], ["20.19.0", "22.12.0", "25.9.0"]],
    [["<10"], ["18.20.8", "25.9.0"]],
  ])("%j gives no version, but its neighbours", (ranges, nearest) => {
    expect(choose(ranges)).toMatchObject({ nearest });
  });
});
