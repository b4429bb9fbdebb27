import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildpackFeatures } from "../../lifecycle/cnb/api/buildpack.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { decodeGroup, elementName, type Group } from "../../lifecycle/cnb/files/group.ts";
import { decodeLaunchToml, type LaunchToml, noLaunchToml } from "../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayerToml } from "../../lifecycle/cnb/files/layer-toml.ts";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { encodeBuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import { decodeProjectMetadata } from "../../lifecycle/cnb/files/project-metadata.ts";
import { decodeStoreToml } from "../../lifecycle/cnb/files/store-toml.ts";
import { freeJson, goJson, goJsonString } from "../../lifecycle/cnb/go-json.ts";
import { escapeId } from "../../lifecycle/cnb/ids.ts";
import { encodeProjectLabel } from "../../lifecycle/cnb/labels.ts";
import { mergeProcesses } from "../../lifecycle/cnb/launch.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { goldenDir, goldenFiles, goldenLabels } from "./golden.ts";

type Files = ReadonlyMap<string, string>;

interface TreeEntry {
  readonly path?: string;
  readonly text?: string;
}

/** The texts of a recorded tree. */
function filesOf(tree: readonly TreeEntry[]): Files {
  return new Map(tree.flatMap(({ path, text }) => (path === undefined || text === undefined ? [] : [[path, text]])));
}

function launchOf(
  files: Files,
  { group }: Group,
): readonly { readonly buildpackId: string; readonly launch: LaunchToml }[] {
  return group.map((element) => {
    const path = `/layers/${escapeId(element.id)}/launch.toml`;
    const text = files.get(path);
    const features = buildpackFeatures(element.api ?? "", { kind: "Buildpack", name: elementName(element) });
    const buildpack = { id: element.id, version: element.version };
    const launch = text === undefined ? noLaunchToml : decodeLaunchToml(parseToml(text, path), features, buildpack);
    return { buildpackId: element.id, launch };
  });
}

function sibling(path: string, name: string): string {
  return readFileSync(join(goldenDir ?? "", dirname(path), name), "utf8");
}

describe.skipIf(goldenDir === undefined)("what buildpacks left becomes what was recorded", () => {
  test("launch.toml files and the group are metadata.toml, byte for byte", () => {
    const trees = goldenFiles("layers-after-build.json");
    let compared = 0;
    for (const { path, text, platformApi } of trees) {
      if (!existsSync(join(goldenDir ?? "", dirname(path), "metadata.toml"))) continue;
      const group = decodeGroup(parseToml(sibling(path, "group.toml"), "group.toml"));
      const launches = launchOf(filesOf(JSON.parse(text) as readonly TreeEntry[]), group);
      const { processes, defaultType } = mergeProcesses(
        launches.map(({ buildpackId, launch }) => ({ buildpackId, processes: launch.processes })),
      );
      const metadata = encodeBuildMetadata(
        {
          buildpacks: group.group,
          extensions: group.groupExtensions,
          processes,
          slices: launches.flatMap(({ launch }) => launch.slices),
          labels: launches.flatMap(({ launch }) => launch.labels),
          buildpackDefaultProcessType: defaultType,
          bom: launches.flatMap(({ launch }) => launch.bom),
        },
        platformFeatures(platformApi),
      );
      expect(metadata, path).toBe(sibling(path, "metadata.toml"));
      compared += 1;
    }
    expect(compared).toBeGreaterThan(50);
  });

  test("metadata of layers and stores are in the label, byte for byte", () => {
    let compared = 0;
    for (const { path, text } of goldenLabels("io.buildpacks.lifecycle.metadata")) {
      if (!existsSync(join(goldenDir ?? "", dirname(path), "layers-after-build.json"))) continue;
      const files = filesOf(JSON.parse(sibling(path, "layers-after-build.json")) as readonly TreeEntry[]);
      for (const { key, layers, store } of decodeLayersMetadata(text).buildpacks) {
        for (const [name, { sha }] of Object.entries(layers)) {
          const file = `/layers/${escapeId(key)}/${name}.toml`;
          const layer = decodeLayerToml(parseToml(files.get(file) ?? "", file));
          const data = goJson(freeJson(layer.metadata));
          const { build, launch, cache } = layer;
          expect(text, `${path} ${name}`).toContain(
            `${goJsonString(name)}:{"sha":"${sha}","data":${data},"build":${build},"launch":${launch},"cache":${cache}}`,
          );
          compared += 1;
        }
        const storeText = files.get(`/layers/${escapeId(key)}/store.toml`);
        if (store === undefined || storeText === undefined) continue;
        const { metadata } = decodeStoreToml(parseToml(storeText, "store.toml"));
        expect(text, path).toContain(`"store":{"metadata":${goJson(freeJson(metadata))}}`);
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  test("project-metadata.toml is its label, byte for byte", () => {
    let compared = 0;
    for (const { path, text } of goldenLabels("io.buildpacks.project.metadata")) {
      if (!path.startsWith("16-project-metadata/")) continue;
      const scenario = path.slice(0, path.indexOf("/expected/"));
      const input = JSON.parse(readFileSync(join(goldenDir ?? "", scenario, "input.json"), "utf8")) as {
        readonly entries: readonly TreeEntry[];
      };
      const [file, project] =
        [...filesOf(input.entries)].find(([name]) => name.endsWith("project-metadata.toml")) ?? [];
      if (file === undefined || project === undefined) continue;
      expect(encodeProjectLabel(decodeProjectMetadata(parseToml(project, file))), path).toBe(text);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(0);
  });
});
