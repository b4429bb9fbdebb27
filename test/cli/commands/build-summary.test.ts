import { describe, expect, test } from "vitest";
import { summaryText } from "../../../lifecycle/cli/commands/build-summary.ts";
import type { BuildSummary } from "../../../lifecycle/platform/build/summary.ts";

const layer = { digest: "sha256:0", size: 1_500_000, reason: "same content" } as const;
const summary: BuildSummary = {
  image: "reg.test:5000/hello",
  names: ["reg.test:5000/hello:latest", "reg.test:5000/hello:v1"],
  digest: `sha256:${"0".repeat(64)}`,
  size: 4_500_000,
  output: "local",
  store: "/home/ann/images",
  runner: "sandbox (bubblewrap)",
  dryRun: false,
  group: [],
  layers: [
    { ...layer, layer: "base", action: "base" },
    { ...layer, layer: "tspack/nodejs:node", action: "reused" },
    { ...layer, layer: "Application Layer", action: "new", reason: "" },
  ],
  processes: [
    { type: "web", default: true },
    { type: "task", default: false },
  ],
  restored: [],
  phases: [{ phase: "build", seconds: 1.25 }],
  seconds: 2,
};
const text = (more: Partial<BuildSummary> = {}): string =>
  summaryText({ ...summary, ...more }, { quiet: false, color: false });

describe("the end of a build", () => {
  test("does not promise that an image without processes starts by itself", () => {
    expect(text({ processes: [] })).toMatch(
      /processes {2}none: start it with a command[^]*\nNext: tspack run \S+ COMMAND\n$/,
    );
  });

  test("says names, size by layer with the reason, processes and times", () => {
    const lines = text().split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "Built reg.test:5000/hello",
        "  name       reg.test:5000/hello:latest, reg.test:5000/hello:v1",
        "  size       4.5 MB (1 of the run image: 1.5 MB, 1 reused: 1.5 MB, 1 new: 1.5 MB)",
        "             reused tspack/nodejs:node   1.5 MB  same content",
        "             new    Application Layer    1.5 MB",
        "  processes  web (default), task",
        "  time       2.0 s (build 1.3)",
      ]),
    );
    expect(text()).not.toContain("\u001B");
  });

  test.each([
    ["local", "/home/ann/images", "tspack run reg.test:5000/hello"],
    ["registry", "registry reg.test:5000", "tspack inspect reg.test:5000/hello"],
    ["engine", "Docker 27.0", "docker run --rm reg.test:5000/hello"],
    ["engine", "Podman 4.3.1", "podman run --rm reg.test:5000/hello"],
    ["oci", "/tmp/out", "tspack inspect oci:/tmp/out"],
    ["oci-archive", "/tmp/it's here.tar", "tspack inspect 'oci-archive:/tmp/it'\\''s here.tar'"],
    ["docker-archive", "/tmp/out.tar", "tspack inspect docker-archive:/tmp/out.tar"],
  ] as const)("in %s, %s: the next command finds the image there", (output, store, next) => {
    expect(text({ output, store })).toMatch(new RegExp(`\\nNext: ${next.replaceAll(/[\\.]/g, "\\$&")}\\n$`));
  });

  test("with --quiet is the name with the digest, which others can pull", () => {
    expect(summaryText(summary, { quiet: true, color: true })).toBe(`reg.test:5000/hello@${summary.digest}\n`);
  });
});
