import type { LayerCache } from "../../lifecycle/cache/cache.ts";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { Process } from "../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type ExportInputs, type ExportResult, exportImage } from "../../lifecycle/phases/export.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { memoryStore, type MemoryStore } from "../../lifecycle/stores/memory.ts";

export const app = parseReference("localhost/app");
export const run = parseReference("localhost/run");
export const launchLayer = "[types]\nlaunch = true\n";

/** Directories of a build, a store with its run image, and the exporter. */
export interface Exporting {
  readonly root: string;
  readonly store: MemoryStore;
  /** What the exporter told, without debug lines. */
  readonly lines: readonly string[];
  readonly exporting: (changes?: Partial<ExportInputs>, kept?: LayerCache, sink?: MemoryStore) => Promise<ExportResult>;
  readonly cache: () => Promise<LayerCache>;
  readonly context: () => Context;
  readonly inputs: () => ExportInputs;
  readonly write: (path: string, content: string) => void;
}

/** Gives every test of the file that calls it a build of its own. */
export function exportBuild(): Exporting {
  let root = "";
  let store: MemoryStore;
  let lines: string[] = [];
  const addLine = (line: string): void => void lines.push(line);
  const context = (): Context => ({
    logger: { ...silentLogger, info: addLine, warn: addLine },
    progress: silentProgress,
    clock: () => new Date(),
    signal: new AbortController().signal,
  });
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "tspack-export-"));
    lines = [];
    store = memoryStore();
    const config = { architecture: "amd64", os: "linux", config: { Env: ["PATH=/bin", "A=b=c"], Cmd: ["sh"] } };
    await store.write(imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" }), [run]);
    write("launcher", "launcher");
    write("workspace/main", "app");
    write("layers/config/metadata.toml", "");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  return {
    get root() {
      return root;
    },
    get store() {
      return store;
    },
    get lines() {
      return lines;
    },
    exporting: (changes = {}, kept, sink = store) => {
      const ports = { images: store, sink, blobs: memoryBlobCache(), cache: kept, ctx: context() };
      return exportImage(exportInputs(root, changes), ports);
    },
    cache: () => openVolumeCache(join(root, "cache"), context()),
    context,
    inputs: () => exportInputs(root),
    write,
  };
}

/** What a further export of the same image starts with. */
export function previousOf({ plan }: ExportResult): Partial<ExportInputs> {
  const label = plan.labels.find(({ key }) => key === "io.buildpacks.lifecycle.metadata")?.value ?? "";
  return {
    previousImage: app,
    analyzed: { previousImage: { reference: "localhost/app" }, metadata: decodeLayersMetadata(label) },
  };
}

/** An export of the directories below `root`, on a run image, of a build that left no process. */
export function exportInputs(root: string, changes: Partial<ExportInputs> = {}): ExportInputs {
  return {
    features: platformFeatures("0.13"),
    buildpacks: [{ id: "a/b", version: "1" }],
    metadata: metadataWith([]),
    analyzed: { metadata: noLayersMetadata },
    app: { path: join(root, "workspace"), name: "/workspace" },
    layers: { path: join(root, "layers"), name: "/layers" },
    owner: { uid: 1000, gid: 1000 },
    launcher: {
      path: join(root, "launcher"),
      lifecycleDir: join(root, "none"),
      version: { version: "1", repository: "r", commit: "c" },
    },
    outputImages: [app],
    runImage: run,
    runImageForExport: { image: "localhost/run", mirrors: [] },
    previousImage: undefined,
    project: undefined,
    ...changes,
  };
}

/** What the build phase left: processes of these types. */
export function metadataWith(types: readonly string[], standard?: string): ExportInputs["metadata"] {
  const processes = types.map((type): Process => ({
    type,
    command: ["run"],
    args: undefined,
    direct: true,
    default: false,
    workingDirectory: "",
    execEnv: [],
    buildpackId: "a/b",
  }));
  return {
    buildpacks: [],
    extensions: [],
    processes,
    slices: [],
    labels: [],
    buildpackDefaultProcessType: standard,
    bom: [],
  };
}
