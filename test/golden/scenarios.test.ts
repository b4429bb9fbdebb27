import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldenDirectory, goldenPresent, mayskip, scenarioFolders } from "./golden-data.ts";
import { compareBuild, type Difference } from "./harness/compare.ts";
import type { Scenario } from "./harness/job.ts";
import { bundlePrograms, missingForScenarios, runScenario } from "./harness/world.ts";
import { knownDifferences } from "./known-differences.ts";

const missing = goldenPresent ? missingForScenarios() : `golden data at ${goldenDirectory}`;
const pattern = process.env["GOLDEN"] ?? "";
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
      const scenario = JSON.parse(readFileSync(join(goldenDirectory, folder, "scenario.json"), "utf8")) as Scenario;
      const results = await runScenario(programs, folder);
      const differences: (Difference & { readonly build: string })[] = [];
      for (const [index, build] of scenario.builds.entries()) {
        const result = results[index];
        if (result === undefined) throw new Error(`build ${build.name} did not run`);
        const steps = build.steps.map(({ phase, exitCode }) => ({ phase, exitCode }));
        const ran = result.steps.map(({ phase, exitCode }) => ({ phase, exitCode }));
        const output = result.steps.map(({ phase, stdout, stderr }) => `--- ${phase}\n${stdout}${stderr}`).join("\n");
        expect(ran, output).toEqual(steps);
        const read = (name: string): string | undefined => {
          const file = join(goldenDirectory, folder, "expected", build.name, name);
          return existsSync(file) ? readFileSync(file, "utf8") : undefined;
        };
        differences.push(...compareBuild(result, read).map((difference) => ({ build: build.name, ...difference })));
      }
      const known = knownDifferences[folder]?.what ?? [];
      expect(differences.filter(({ build, what }) => !known.includes(`${build}/${what}`))).toEqual([]);
      expect(
        known.filter((name) => !differences.some(({ build, what }) => name === `${build}/${what}`)),
        "known differences that are gone",
      ).toEqual([]);
    });
  },
);
