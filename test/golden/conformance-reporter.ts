import { basename } from "node:path";
import type { Reporter, TestModule, Vitest } from "vitest/node";
import { conformanceLines, judgeConformance, type RanTest, recordedKinds } from "./conformance.ts";
import { goldenDirectory } from "./golden-data.ts";

/**
 * Prints after a run how many of the recorded cases passed. A whole run in which a recorded case has
 * no test fails, as does one where cases were skipped although `CI` is set: a test that got lost
 * would otherwise look like one that passed.
 */
export function conformanceReporter(): Reporter {
  let vitest: Vitest | undefined;
  return {
    onInit(started: Vitest) {
      vitest = started;
    },
    onTestRunEnd(modules: readonly TestModule[]) {
      const golden = modules.filter(({ project }) => project.name === "golden");
      const whole = vitest !== undefined && isWhole(vitest);
      if (golden.length === 0 && !whole) return;
      const kinds = recordedKinds(goldenDirectory);
      if (kinds.length === 0) {
        console.log(`conformance: nothing was compared, there is no golden data at ${goldenDirectory}`);
        return;
      }
      const names = golden.map(({ moduleId }) => basename(moduleId));
      const ran = whole ? kinds : kinds.filter(({ module }) => names.some((name) => name.includes(module)));
      const tests = golden.flatMap(testsOf);
      const results = judgeConformance(ran, tests);
      const [counts, ...missing] = conformanceLines(results);
      if (results.length > 0) console.log([counts, ...(whole ? missing : ["  (a part of the tests)"])].join("\n"));
      const skipped = process.env["CI"] === undefined && tests.some((test) => test.skipped);
      if (whole && !skipped && missing.length > 0) process.exitCode = 1;
    },
  };
}

/** Whether everything of the golden project is asked for. */
function isWhole(vitest: Vitest): boolean {
  const { filenamePattern: files = [] } = vitest as unknown as { readonly filenamePattern?: readonly string[] };
  const included = vitest.projects.some(({ name }) => name === "golden");
  const filtered = files.length > 0 || vitest.config.testNamePattern !== undefined;
  return included && !filtered && process.env["GOLDEN"] === undefined;
}

function testsOf(module: TestModule): readonly (RanTest & { readonly skipped: boolean })[] {
  return [...module.children.allTests()].map((test) => {
    const { state } = test.result();
    return {
      module: basename(module.moduleId),
      name: test.name,
      fullName: test.fullName,
      passed: state === "passed",
      skipped: state === "skipped",
    };
  });
}
