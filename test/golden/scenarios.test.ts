import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldenPresent, mayskip, scenarioFolders } from "./golden-data.ts";
import { compareBuild, compareOutput, type Difference } from "./harness/compare.ts";
import type { BuildResult, Scenario, ScenarioBuild } from "./harness/job.ts";
import { bundlePrograms, runScenario } from "./harness/world.ts";
import { judge, knownOutputs, knownOutcomes } from "./known-differences.ts";
import { missing, pattern, readRecorded } from "./selection.ts";

const folders = scenarioFolders().filter((folder) => folder.includes(pattern));

describe.skipIf(mayskip(missing !== undefined))(
  `recorded scenarios${missing === undefined ? "" : ` (need ${missing})`}`,
  () => {
    let programs = "";
    beforeAll(async () => {
      programs = await bundlePrograms();
    });
    afterAll(() => rmSync(programs, { recursive: true, force: true }));

    test("are all there", () => {
      expect(goldenPresent).toBe(true);
      expect(missing).toBeUndefined();
      if (pattern === "") expect(folders.length).toBeGreaterThanOrEqual(186);
    });

    test.concurrent.each(folders)("%s", async (folder) => {
      const scenario = JSON.parse(readRecorded(folder, "scenario.json") ?? "") as Scenario;
      const results = await runScenario(programs, folder);
      const differences = scenario.builds.flatMap((build, index) => differencesOf(folder, build, results[index]));
      expect(judge(folder, differences)).toEqual({ unknown: [], gone: [] });
    });
  },
);

function differencesOf(folder: string, build: ScenarioBuild, result: BuildResult | undefined): readonly Difference[] {
  if (result === undefined) throw new Error(`build ${build.name} did not run`);
  const recorded = Object.fromEntries(build.steps.map(({ phase, exitCode }) => [phase, exitCode]));
  const outcome = knownOutcomes[folder]?.steps;
  const ran = Object.fromEntries(result.steps.map(({ phase, exitCode }) => [phase, exitCode]));
  const output = result.steps.map(({ phase, stdout, stderr }) => `--- ${phase}\n${stdout}${stderr}`).join("\n");
  expect(ran, output).toEqual(outcome ?? recorded);
  if (outcome !== undefined) return [];
  const found = [
    ...compareBuild(result, (name) => readRecorded(folder, "expected", build.name, name)),
    ...compareOutput(build.steps, result.steps, knownOutputs[folder]),
  ];
  return found.map((difference) => ({ ...difference, what: `${build.name}/${difference.what}` }));
}
