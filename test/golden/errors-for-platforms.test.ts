import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayskip } from "./golden-data.ts";
import type { BuildResult, ScenarioStep } from "./harness/job.ts";
import {
  appImage,
  buildpack,
  directory,
  file,
  order,
  runImage,
  type SmallBuild,
  smallBuild,
  step,
} from "./harness/small-build.ts";
import { bundlePrograms, runJob } from "./harness/world.ts";
import { missing, pattern } from "./selection.ts";

interface Spoken extends SmallBuild {
  readonly name: string;
  /** What the last phase says on standard output, in any order. */
  readonly holds: readonly string[];
  readonly holdsNot?: readonly string[];
}

const passing = [...buildpack("p", "exit 0", "true"), order("p")];
const prose = "I am a group.toml or a plan.toml\n";
const group = '[[group]]\nid = "p"\nversion = "1"\napi = "0.10"\n';
const layers = 'mkdir -p "$1/a"; echo 1 > "$1/a/f"; printf "[types]\\ncache = true\\nlaunch = true\\n" > "$1/a.toml"';
const keeping = [...buildpack("k", "exit 0", layers), order("k")];
/** Damages the cache after the restorer and before the exporter has read it. */
const damaging = [
  ...buildpack(
    "k",
    "exit 0",
    `${layers}; for tar in /cache/committed/*.tar; do [ ! -e "$tar" ] || echo >> "$tar"; done`,
  ),
  order("k"),
];
/** An extension `e` beside the buildpack `p`. */
const extending = [
  ...passing,
  ...["/cnb/extensions", "/cnb/extensions/e", "/cnb/extensions/e/1", "/cnb/extensions/e/1/bin"].map(directory),
  file("/cnb/extensions/e/1/extension.toml", 'api = "0.10"\n[extension]\nid = "e"\nversion = "1"\n'),
  file("/cnb/extensions/e/1/bin/detect", "#!/bin/sh\necho e: output from /bin/detect\n", "0755"),
  file("/cnb/extensions/e/1/bin/generate", "#!/bin/sh\necho e: output from /bin/generate\n", "0755"),
  file(
    "/workspace/order.toml",
    '[[order]]\n[[order.group]]\nid = "p"\nversion = "1"\n[[order-extensions]]\n[[order-extensions.group]]\nid = "e"\nversion = "1"\n',
  ),
];
const create = (...args: readonly string[]): ScenarioStep =>
  step("creator", ["-run-image", runImage, ...args, appImage]);
const insecure = { CNB_INSECURE_REGISTRIES: "nowhere.localhost" };
const nowhere = "nowhere.localhost/bar";

const cases: readonly Spoken[] = [
  {
    name: "a blank Platform API is none",
    steps: [step("analyzer", [appImage], 11, { CNB_PLATFORM_API: " " })],
    holds: ["please set 'CNB_PLATFORM_API'"],
  },
  ...["analyzer", "creator"].map((phase) => ({
    name: `${phase}: no run image of run.toml can be read`,
    tree: [file("/workspace/run.toml", '[[images]]\nimage = "denied.localhost/absent"\n'), ...passing],
    steps: [step(phase, ["-run", "/workspace/run.toml", appImage], 3)],
    holds: ["ERROR: failed to resolve inputs: failed to find accessible run image"],
  })),
  ...["analyzer", "creator", "exporter"].map((phase) => ({
    name: `${phase}: a layout is experimental`,
    tree: [...passing, file("/layers/group.toml", group), file("/layers/analyzed.toml", "")],
    steps: [step(phase, ["-layout", "-layout-dir", "/layout-repo", appImage], 1)],
    holds: [
      "ERROR: Platform requested experimental feature 'export to OCI layout format'",
      "ERROR: experimental features are disabled by CNB_EXPERIMENTAL_MODE=error",
    ],
  })),
  {
    name: "detector: -order of a missing file",
    steps: [step("detector", ["-order", "/custom/order.toml"], 1)],
    holds: [
      "ERROR: failed to initialize detector: reading order: failed to read order file: open /custom/order.toml: no such file or directory",
    ],
  },
  {
    name: "detector: what buildpacks that decline print",
    tree: [...buildpack("no", "echo no sign of it; exit 100", "true"), order("no")],
    steps: [step("detector", ["-log-level", "debug"], 20)],
    holds: [
      "======== Output: no@1 ========\nno sign of it\n======== Results ========\nfail: no@1\n",
      "No buildpack groups passed detection.",
      "failed to detect: no buildpacks participating",
    ],
  },
  {
    name: "detector: why nobody takes part is told at every log level",
    tree: [...buildpack("no", "echo no sign of it; exit 100", "true"), order("no")],
    steps: [step("detector", ["-log-level", "error"], 20)],
    holds: ["======== Output: no@1 ========\nno sign of it\n======== Results ========\nfail: no@1\n"],
  },
  {
    name: "detector: a group passes",
    tree: passing,
    steps: [step("detector", [])],
    holds: ["p 1\n"],
    holdsNot: ["======== Results ========"],
  },
  {
    name: "detector: debug shows what buildpacks print",
    tree: [...buildpack("d", 'echo "platform: $CNB_PLATFORM_DIR app: $PWD"', "true"), order("d")],
    steps: [step("detector", ["-log-level", "debug"])],
    holds: ["platform: /platform app: /workspace"],
  },
  {
    name: "detector: system buildpacks",
    api: "0.15",
    tree: [
      ...passing,
      ...["first", "last"].flatMap((id) => buildpack(id, "exit 0", "true")),
      file(
        "/cnb/system.toml",
        '[system.pre]\n[[system.pre.buildpacks]]\nid = "first"\nversion = "1"\n[[system.post.buildpacks]]\nid = "last"\nversion = "1"\n',
      ),
    ],
    steps: [step("detector", ["-log-level", "debug"])],
    holds: ["Prepending 1 system buildpack(s) to group", "Appending 1 system buildpack(s) to group"],
  },
  {
    name: "builder: group.toml is prose",
    tree: [file("/layers/group.toml", prose)],
    steps: [step("builder", [], 1)],
    holds: ["failed to read group file: toml: line 1: expected '.' or '=', but got 'a' instead"],
  },
  {
    name: "builder: plan.toml is prose",
    tree: [...passing, file("/layers/group.toml", group), file("/layers/plan.toml", prose)],
    steps: [step("builder", [], 1)],
    holds: ["failed to read plan file: toml: line 1: expected '.' or '=', but got 'a' instead"],
  },
  {
    name: "builder: the API of a buildpack in group.toml is no version",
    tree: [
      file("/layers/group.toml", '[[group]]\nid = "hello"\nversion = "0.0.1"\napi = "0.2wrong"\n'),
      file("/layers/plan.toml", ""),
    ],
    steps: [step("builder", [], 12)],
    holds: ["parse buildpack API '<nil>' for buildpack 'hello@0.0.1'"],
  },
  {
    name: "creator: extensions",
    tree: extending,
    steps: [step("creator", ["-run-image", runImage, "-order", "/workspace/order.toml", appImage], 22)],
    holds: ["detected order contains extensions which is not supported by the creator"],
  },
  ...["0.12", "0.13"].map((api) => ({
    name: `detector ${api}: what extensions print`,
    api,
    tree: extending,
    steps: [
      step("analyzer", ["-run-image", runImage, appImage]),
      step("detector", ["-order", "/workspace/order.toml", "-log-level", "debug"], 0, {
        CNB_EXPERIMENTAL_MODE: "warn",
      }),
    ],
    holds: [
      "e: output from /bin/detect",
      "e: output from /bin/generate",
      ...(api === "0.12" ? ["Warning: Platform requested experimental feature 'Dockerfiles'"] : []),
    ],
  })),
  {
    name: "rebaser: an insecure registry that is not there",
    steps: [step("rebaser", ["-run-image", runImage, nowhere], 72, insecure)],
    holds: ["http://nowhere.localhost"],
  },
  {
    name: "exporter: an insecure registry that is not there",
    tree: [
      ...passing,
      file("/layers/group.toml", group),
      file("/layers/analyzed.toml", `[run-image]\nreference = "${nowhere}"\n`),
    ],
    steps: [step("detector", []), step("builder", []), step("exporter", [nowhere], 1, insecure)],
    holds: ["http://nowhere.localhost"],
  },
  {
    name: "exporter: into a layout",
    layout: true,
    tree: passing,
    steps: [
      step("creator", ["-layout", "-layout-dir", "/layout-repo", "-run-image", runImage, "my-app"], 0, {
        CNB_EXPERIMENTAL_MODE: "warn",
      }),
    ],
    holds: ["Saving /layout-repo/index.docker.io/library/my-app/latest"],
  },
  {
    name: "exporter: SBOMs of the lifecycle and the launcher",
    tree: [
      ...passing,
      directory("/cnb/lifecycle"),
      file("/cnb/lifecycle/lifecycle.sbom.cdx.json", "{}"),
      file("/cnb/lifecycle/launcher.sbom.cdx.json", "{}"),
    ],
    steps: [create("-log-level", "debug")],
    holds: [
      "Copying SBOM lifecycle.sbom.cdx.json to /layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json",
      "Copying SBOM launcher.sbom.cdx.json to /layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json",
    ],
  },
  {
    name: "creator: a second build reuses what did not change",
    tree: keeping,
    steps: [create("-cache-dir", "/cache"), create("-cache-dir", "/cache", "-log-level", "debug")],
    holds: ["Reusing layer 'buildpacksio/lifecycle:launch.sbom'", "Reusing layer 'k:a'", `Saving ${appImage}`],
  },
  ...[["creator"], ["restorer", "builder", "exporter"]].map((phases) => ({
    name: `${phases.at(-1)}: a cached layer that was damaged`,
    tree: damaging,
    steps: [
      create("-cache-dir", "/cache"),
      ...(phases.length === 1
        ? [create("-cache-dir", "/cache")]
        : [
            step("analyzer", ["-run-image", runImage, appImage]),
            step("detector", []),
            step("restorer", ["-cache-dir", "/cache"]),
            step("builder", []),
            step("exporter", ["-cache-dir", "/cache", appImage]),
          ]),
    ],
    holds: ["Skipping reuse for layer k:a: expected layer contents to have SHA 'sha256:", "'; found 'sha256:"],
  })),
  {
    name: "creator: nothing to do in parallel",
    tree: passing,
    steps: [create("-parallel")],
    holds: [
      "Warning: Parallel export has been enabled, but it has not taken effect because no cache has been specified.",
    ],
  },
  {
    name: "restorer: no cache",
    tree: [...passing, file("/layers/group.toml", group), file("/layers/analyzed.toml", "")],
    steps: [step("restorer", [])],
    holds: ["No cached data will be used, no cache specified"],
  },
  {
    name: "restorer: metadata of the app image and data of the cache",
    tree: keeping,
    steps: [
      create("-cache-dir", "/cache"),
      step("analyzer", ["-run-image", runImage, appImage]),
      step("restorer", ["-cache-dir", "/cache"]),
    ],
    holds: ['Restoring metadata for "k:a" from app image', 'Restoring data for "k:a" from cache'],
  },
];

describe.skipIf(mayskip(missing !== undefined))(
  `what platforms read${missing === undefined ? "" : ` (needs ${missing})`}`,
  () => {
    let programs = "";
    beforeAll(async () => {
      programs = await bundlePrograms();
    });
    afterAll(() => rmSync(programs, { recursive: true, force: true }));

    test("can run", () => expect(missing).toBeUndefined());

    const chosen = cases.filter(({ name }) => `messages ${name}`.includes(pattern));
    test.concurrent.each(chosen.map((entry) => [entry.name, entry] as const))("%s", async (_, entry) => {
      const [result] = await runJob<readonly BuildResult[]>(programs, smallBuild(entry));
      const output = result?.steps.map(({ phase, stdout, stderr }) => `--- ${phase}\n${stdout}${stderr}`).join("\n");
      const codes = (steps: readonly { readonly exitCode: number }[] = []) => steps.map(({ exitCode }) => exitCode);
      expect(codes(result?.steps), output).toEqual(codes(entry.steps));
      const said = result?.steps.at(-1)?.stdout ?? "";
      expect(
        entry.holds.filter((text) => !said.includes(text)),
        said,
      ).toEqual([]);
      expect(
        (entry.holdsNot ?? []).filter((text) => said.includes(text)),
        said,
      ).toEqual([]);
    });
  },
);
