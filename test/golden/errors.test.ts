import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayskip } from "./golden-data.ts";
import { compareTree } from "./harness/compare.ts";
import type { ErrorCase } from "./harness/job.ts";
import { missingLines } from "./harness/output.ts";
import { bundlePrograms, runErrorCase } from "./harness/world.ts";
import { knownErrors } from "./known-errors.ts";
import { missing, pattern, readRecorded } from "./selection.ts";

interface Cases {
  readonly registry: Readonly<Record<string, string>>;
  readonly cases: readonly ErrorCase[];
}

const recorded = JSON.parse(readRecorded("18-errors/cases.json") ?? '{"registry":{},"cases":[]}') as Cases;
const cases = recorded.cases.filter(({ case: name }) => `18-errors/${name}`.includes(pattern));

describe.skipIf(mayskip(missing !== undefined))(
  `recorded errors${missing === undefined ? "" : ` (need ${missing})`}`,
  () => {
    let programs = "";
    beforeAll(async () => {
      programs = await bundlePrograms();
    });
    afterAll(() => rmSync(programs, { recursive: true, force: true }));

    test("are all there", () => {
      expect(missing).toBeUndefined();
      if (pattern === "") expect(cases.length).toBeGreaterThanOrEqual(96);
    });

    test.concurrent.each(cases.map((entry) => [entry.case, entry.description, entry] as const))(
      "%s: %s",
      async (name, _, entry) => {
        const known = knownErrors[name];
        const result = await runErrorCase(programs, entry, recorded.registry);
        const printed = missingLines(known?.stdout ?? entry.stdout, result.stdout);
        const complaints = missingLines(known?.stderr ?? entry.stderr ?? "", result.stderr);
        expect({ exitCode: result.exitCode, printed, complaints }, `${result.stdout}${result.stderr}`).toEqual({
          exitCode: known?.exitCode ?? entry.exitCode,
          printed: [],
          complaints: [],
        });
        if (entry.leaves !== undefined) expect(compareTree("/layers", entry.leaves, result.leaves)).toEqual([]);
      },
    );
  },
);
