import { defineConfig } from "vitest/config";
import { deflateForVite } from "./lifecycle/distribution/deflate-module.mjs";
import { conformanceReporter } from "./test/golden/conformance-reporter.ts";

// unit: everything that needs no network, no engine and no golden data beyond a few files.
// hostile: broken and malicious input, in bounded time and memory. golden: whole recorded scenarios. e2e: real registries, sandboxes and applications; e2e-engines: container engines, too; e2e-buildpacks: buildpacks with what they call; samples: each application of samples/.
const slow = ["test/e2e/**", "test/golden/**", "test/hostile/**"];

// End-to-end tests that start container engines or other implementations; the rest of them is e2e.
const engines = [
  "test/e2e/{drop-in,engine*,foreign-lifecycle,outputs,pack,runners}.test.ts",
  "test/e2e/{commands,interchange,third-party,unprivileged}/**/*.test.ts",
];

// Every sample, in the sandbox and in an engine.
const samples = ["test/e2e/samples/**/*.test.ts"];

// Each buildpack with the programs that it calls, which are real: npm, pip, Go, Maven, apt.
const buildpacks = ["test/e2e/buildpack*.test.ts"];

const endToEnd = {
  globalSetup: ["test/e2e/setup.ts"],
  testTimeout: 600_000,
  hookTimeout: 600_000,
  // The tests of a project share one default builder.
  fileParallelism: false,
};

export default defineConfig({
  plugins: [deflateForVite],
  test: {
    passWithNoTests: false,
    reporters: ["default", conformanceReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: slow,
          testTimeout: 20_000,
          // Some compile the C programs first, which takes its time on a busy machine.
          hookTimeout: 120_000,
          // Modules have no state of their own, so test files share them: half of the time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "hostile",
          include: ["test/hostile/**/*.test.ts"],
          testTimeout: 120_000,
          // They measure time and memory, which others would change.
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: "golden", include: ["test/golden/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: [...engines, ...samples, ...buildpacks],
        },
      },
      { extends: true, test: { ...endToEnd, name: "e2e-engines", include: engines } },
      { extends: true, test: { ...endToEnd, name: "e2e-buildpacks", include: buildpacks } },
      { extends: true, test: { ...endToEnd, name: "samples", include: samples } },
    ],
  },
});
