import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { decodeAnalyzed } from "../../lifecycle/cnb/files/analyzed.ts";
import { decodeGroup } from "../../lifecycle/cnb/files/group.ts";
import { decodeBuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import { decodeProjectMetadata } from "../../lifecycle/cnb/files/project-metadata.ts";
import { decodeRunToml, decodeStackToml } from "../../lifecycle/cnb/files/run-toml.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Place } from "../../lifecycle/layers/place.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type ExportInputs, exportImage } from "../../lifecycle/phases/export.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { readLayout } from "../../lifecycle/stores/layout/read-layout.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { goldenRoot } from "../oci/golden-root.ts";
import { addEntries, makeTree, readJson, readTree, type Scenario, textOf, type TreeEntry } from "./export-scenario.ts";

// The exporter alone: layers as build left them in the recording, the image's config as it has to become.
const scenarios = [
  "01-simple/registry",
  "01-simple/bare-run-image",
  "01-simple/docker-media-types",
  "01-simple/arm64",
  "02-layers/volume-cache",
  "04-processes/process-type-flag",
  "04-processes/no-processes",
  "04-processes/platform-0.9-buildpack-0.8",
  "06-sbom/legacy-bom-platform-0.7",
  "06-sbom/two-builds",
  "08-labels/overwrite",
  "12-platform-apis/0.7/simple",
  "12-platform-apis/0.8/layers",
  "12-platform-apis/0.9/sbom",
  "12-platform-apis/0.11/processes",
  "12-platform-apis/0.15/simple",
  "15-created-and-metadata/epoch",
  "15-created-and-metadata/epoch-0.8",
  "15-created-and-metadata/epoch-bad",
  "15-created-and-metadata/epoch-negative",
  "21-corners/metadata-types",
  "21-corners/empty-layer",
];
const launcher = '#!/bin/sh\n# placeholder launcher of the golden data, 1 fixed file\nexec "$@"\n';
const version = { version: "0.21.17", repository: "github.com/buildpacks/lifecycle", commit: "4bd4b13e" };
const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

describe.skipIf(goldenRoot === undefined)("export makes the recorded image config of", () => {
  for (const name of scenarios) {
    test(name, () => runScenario(join(goldenRoot ?? "", name)));
  }
});

type Tree = readonly TreeEntry[];

async function runScenario(folder: string): Promise<void> {
  const scenario = readJson(join(folder, "scenario.json")) as Scenario;
  const input = readTree(join(folder, "input.json"));
  const root = mkdtempSync(join(tmpdir(), "tspack-export-"));
  const store = memoryStore();
  const runImage = await readLayout(join(folder, goldenParts(folder), "run-images", scenario.runImage));
  if (runImage === undefined) throw new Error(`no run image ${scenario.runImage}`);
  await store.write(runImage, [parseReference(scenario.runImageReference)]);
  writeFileSync(join(root, "launcher"), launcher);
  makeTree(input, "/workspace", root);
  try {
    for (const build of scenario.builds) {
      const expected = join(folder, "expected", build.name);
      addEntries(build.editsBefore ?? [], root);
      makeTree(readTree(join(expected, "layers-after-build.json")), "/layers", root);
      const inputs = inputsOf(scenario, build, { expected, input, root });
      const { image } = await exportImage(inputs, {
        images: store,
        sink: store,
        blobs: memoryBlobCache(),
        cache: undefined,
        ctx,
      });
      await validate(image);
      const config = Buffer.from((await image.config()).bytes).toString();
      expect(JSON.parse(config)).toEqual(JSON.parse(readFileSync(join(expected, "config.json"), "utf8")));
      expect(config).toBe(readFileSync(join(expected, "config.json"), "utf8"));
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function goldenParts(folder: string): string {
  return "../".repeat(folder.slice((goldenRoot ?? "").length + 1).split("/").length);
}

function inputsOf(
  scenario: Scenario,
  build: Scenario["builds"][number],
  { expected, input, root }: { readonly expected: string; readonly input: Tree; readonly root: string },
): ExportInputs {
  const features = platformFeatures(scenario.platformAPI);
  const read = (name: string) => parseToml(readFileSync(join(expected, name)), name);
  const args = build.steps.find(({ phase }) => phase === "exporter")?.args ?? [];
  const flag = (name: string) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const stack = textOf(input, features.runToml ? "/cnb/run.toml" : "/cnb/stack.toml");
  const document = stack === undefined ? undefined : parseToml(Buffer.from(stack), "run.toml");
  const declared =
    document === undefined
      ? undefined
      : features.runToml
        ? decodeRunToml(document).images[0]
        : decodeStackToml(document);
  const project = textOf(input, "/layers/project-metadata.toml");
  const analyzed = decodeAnalyzed(
    read(existsSync(join(expected, "analyzed-after-restore.toml")) ? "analyzed-after-restore.toml" : "analyzed.toml"),
  );
  const previous = analyzed.previousImage?.reference ?? "";
  return {
    features,
    buildpacks: decodeGroup(read("group.toml")).group,
    metadata: decodeBuildMetadata(parseToml(readFileSync(join(root, "layers/config/metadata.toml")), "metadata.toml")),
    analyzed,
    app: placeIn(root, "/workspace"),
    layers: placeIn(root, "/layers"),
    owner: scenario.user,
    launcher: { path: join(root, "launcher"), lifecycleDir: join(root, "none"), version },
    outputImages: args.filter((arg) => arg.startsWith("registry.localhost")).map((arg) => parseReference(arg)),
    runImage: parseReference(scenario.runImageReference),
    runImageForExport: declared ?? { image: "", mirrors: [] },
    previousImage: previous === "" ? undefined : parseReference(build.image),
    project: project === undefined ? undefined : decodeProjectMetadata(parseToml(Buffer.from(project), "project")),
    defaultProcessType: flag("-process-type"),
    execEnv: features.execEnv ? (scenario.env["CNB_EXEC_ENV"] ?? "production") : undefined,
    sourceDateEpoch: scenario.env["SOURCE_DATE_EPOCH"],
  };
}

function placeIn(root: string, name: string): Place {
  return { path: join(root, name), name, parents: { uid: 1000, gid: 1000, mode: 0o755 } };
}
