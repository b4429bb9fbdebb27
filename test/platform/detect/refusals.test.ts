import { expect, test } from "vitest";
import { TspackError } from "../../../lifecycle/errors.ts";
import { withDetectRefusals } from "../../../lifecycle/platform/detect-refusals.ts";
import { renderError } from "../../../lifecycle/cli/render-error.ts";

const failed = new TspackError("DETECT_FAILED", "no group of buildpacks wants this application", {
  hint: "look above",
});

/** What a person reads after the lines of a detector that fails. */
async function told(log: string, error: unknown = failed): Promise<string> {
  const phase = withDetectRefusals({ output: (_line: string, _stream: string) => {} }, async ({ output }) => {
    for (const line of log.split("\n")) output(line, "stdout");
    return Promise.reject(error);
  });
  return phase.then(() => "", renderError);
}

const LOG = `======== Output: tspack/java@0.1.0 ========
no pom.xml
hint: of nobody
======== Output: tspack/maven@0.1.0 ========
ERROR: build.gradle: Gradle is not supported yet
hint: make the jar first
======== Results ========
err:  tspack/maven@0.1.0 (1)
ERROR: No buildpack groups passed detection.
hint: why each buildpack declined stands above`;

test("an error that a buildpack tells while it detects is told again at the end, with its hint", async () => {
  expect(await told(LOG)).toBe(
    "error DETECT_FAILED: no group of buildpacks wants this application\n" +
      "  because: tspack/maven@0.1.0: build.gradle: Gradle is not supported yet\n" +
      "hint: make the jar first",
  );
});

test("the same error of two groups is told once, and different ones in their order", async () => {
  const other = "======== Output: tspack/pip-install@0.1.0 ========\nERROR: there is no lock\nhint: make one";
  expect((await told(`${LOG}\n${LOG}\n${other}`)).split("\n").slice(1)).toEqual([
    "  because: tspack/maven@0.1.0: build.gradle: Gradle is not supported yet",
    "  because: tspack/pip-install@0.1.0: there is no lock",
    "hint: make the jar first",
  ]);
});

test("without such a line, and for other errors, nothing is added", async () => {
  expect(await told("======== Output: a@1 ========\nno Procfile")).toBe(renderError(failed));
  const other = new TspackError("SANDBOX_FAILED", "no sandbox");
  expect(await told(LOG, other)).toBe(renderError(other));
});
