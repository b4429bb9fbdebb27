import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { type BenchBuild, benchBuild, benchEnv, empty, type Restoring, type Workload } from "../bench-build.ts";
import { largeFile, manyFiles } from "../bench-trees.ts";
import { compete, type Contestant, measure, type Result } from "../measure.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { megabytes } from "../table.ts";
import { layerBytes } from "../workloads.ts";

const scale = Number(process.env["TSPACK_BENCH_SCALE"] ?? 1);

/** W1: a folder of npm packages; W2: one file, half of it compressed already; W3: no layers; W5: many layers. */
export const workloadScenarios: readonly Scenario[] = [
  scenario("w1", "36,900 small files in one layer, an application of 300 files", {
    layers: ["modules"],
    fill: (directory) => manyFiles(directory, Math.round(36_900 * scale), 11),
    appFiles: 300,
  }),
  scenario("w2", "one file of 2 GiB, half of it incompressible", {
    layers: ["archive"],
    fill: (directory) => largeFile(directory, Math.round(2048 * scale) * 2 ** 20, 12),
    appFiles: 20,
  }),
  scenario("w3", "an application of 20 files", { layers: [], fill: () => ({ files: 0, bytes: 0 }), appFiles: 20 }),
  scenario("w5", "60 small layers", {
    layers: Array.from({ length: 60 }, (_, index) => `layer-${String(index).padStart(2, "0")}`),
    fill: (directory, name) => manyFiles(directory, 20, 100 + Number(name.slice(-2))),
    appFiles: 20,
  }),
];

function scenario(name: string, title: string, workload: Workload): Scenario {
  return {
    name,
    title: `${title}, to a registry of this machine`,
    missing: () => (isInstalled("docker-registry") ? undefined : "docker-registry is not installed"),
    run: (bench) => runWorkload(bench, workload),
  };
}

async function runWorkload(bench: Bench, workload: Workload): Promise<readonly Result[]> {
  const registry = await startDockerRegistry();
  try {
    const build = await benchBuild(bench, registry.host, workload);
    const all = [
      ...exports(build, registry.host),
      ...withCacheDirectory(build, registry.host),
      ...withCacheImage(build, registry.host),
      ...creators(build, registry.host),
    ];
    const only = process.env["TSPACK_BENCH_ONLY"];
    return await compete(
      only === undefined ? all : all.filter(({ name }) => new RegExp(only).test(name)),
      bench.rounds,
    );
  } finally {
    await registry.close();
  }
}

/** Runs a phase that is not measured. */
async function quietly(command: readonly string[]): Promise<void> {
  await measure({ name: command[2] ?? "", command, env: benchEnv });
}

function touchLayer({ first, layers }: BenchBuild): void {
  const file = first === `${layers}/bench_layers` ? undefined : firstFile(first);
  if (file !== undefined) appendFileSync(file, `changed ${process.hrtime.bigint()}\n`);
}

function firstFile(directory: string): string | undefined {
  const [entry] = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (entry === undefined) return undefined;
  const path = join(directory, entry.name);
  return entry.isDirectory() ? firstFile(path) : path;
}

function touchApp({ app }: BenchBuild): void {
  appendFileSync(join(app, "page-0.html"), `changed ${process.hrtime.bigint()}\n`);
}

function exports(build: BenchBuild, host: string): readonly Contestant[] {
  let round = 0;
  const fresh = (): string => `${host}/bench/first-${round}`;
  const kept = `${host}/bench/kept`;
  const settled = async (): Promise<void> => {
    await quietly(build.analyze(kept));
    await quietly(build.export(kept));
    await quietly(build.analyze(kept));
  };
  const again = (name: string, change: (build: BenchBuild) => void): Contestant => ({
    name,
    env: benchEnv,
    command: build.export(kept),
    prepare: async () => {
      await settled();
      change(build);
    },
  });
  return [
    {
      name: "export, first",
      env: benchEnv,
      get command() {
        return build.export(fresh());
      },
      prepare: async () => {
        round++;
        touchLayer(build);
        touchApp(build);
        rmSync(join(build.layers, "analyzed.toml"), { force: true });
        await quietly(build.analyze(fresh()));
      },
      remark: async () =>
        `${build.tree.files} files, ${megabytes(build.tree.bytes)}; image ${megabytes(await layerBytes(fresh()))}`,
    },
    again("export, nothing changed", () => {}),
    again("export, one application file changed", touchApp),
    again("export, one file of a layer changed", touchLayer),
  ];
}

function withCacheDirectory(build: BenchBuild, host: string): readonly Contestant[] {
  const { cacheDir } = build;
  const image = `${host}/bench/with-directory`;
  const flags = ["-cache-dir", cacheDir];
  const exported = { env: benchEnv, command: build.export(image, ...flags) };
  return [
    {
      ...exported,
      name: "export, cache directory, first",
      prepare: async () => {
        empty(cacheDir);
        touchLayer(build);
        await quietly(build.analyze(image));
      },
    },
    {
      ...exported,
      name: "export, cache directory, nothing changed",
      prepare: async () => {
        // Once more before the run: what is too young is not taken for unchanged.
        await quietly(build.analyze(image));
        await quietly(build.export(image, ...flags));
        await quietly(build.analyze(image));
      },
    },
    {
      ...exported,
      name: "export, cache directory, one application file changed",
      prepare: async () => {
        await quietly(build.analyze(image));
        touchApp(build);
      },
    },
  ];
}

function withCacheImage(build: BenchBuild, host: string): readonly Contestant[] {
  let round = 0;
  const image = (): string => `${host}/bench/with-image-${round}`;
  const flags = (): readonly string[] => ["-cache-image", `${host}/bench/cache-${round}`];
  const exported = {
    env: benchEnv,
    get command() {
      return build.export(image(), ...flags());
    },
  };
  return [
    {
      name: "export, cache image, first",
      env: benchEnv,
      get command() {
        return exported.command;
      },
      prepare: async () => {
        round++;
        touchLayer(build);
        await quietly(build.analyze(image(), ...flags()));
      },
    },
    {
      name: "export, cache image, nothing changed",
      env: benchEnv,
      get command() {
        return exported.command;
      },
      prepare: () => quietly(build.analyze(image(), ...flags())),
    },
  ];
}

function creators(build: BenchBuild, host: string): readonly Contestant[] {
  const image = `${host}/bench/created`;
  const created = { env: benchEnv, command: build.create(image, "-cache-dir", build.cacheDir) };
  const inPlace = build.restore(image, [`-cache-dir=${build.cacheDir}`]);
  return [
    {
      ...created,
      name: "creator, first",
      prepare: () => {
        touchLayer(build);
        empty(build.created);
        empty(build.cacheDir);
      },
    },
    { ...created, name: "creator, nothing changed, layers kept" },
    { ...created, name: "creator, one application file changed, layers kept", prepare: () => touchApp(build) },
    {
      // What the creator just packed; a tree that was unpacked and not packed since is unpacked again.
      name: "restore, cache directory, in place",
      env: benchEnv,
      command: inPlace.restore,
      prepare: () => quietly(inPlace.analyze),
    },
    { ...created, name: "creator, nothing changed, no layers", prepare: () => empty(build.created) },
    ...restores(build, image),
  ];
}

/** After the creator, whose layers these are. */
function restores(build: BenchBuild, image: string): readonly Contestant[] {
  const { cacheDir, created } = build;
  const fromDirectory = build.restore(image, [`-cache-dir=${cacheDir}`]);
  const cacheImage = `${image}-cache`;
  const fromImage = build.restore(image, [`-cache-image=${cacheImage}`]);
  const emptied = async ({ analyze }: Restoring): Promise<void> => {
    rmSync(join(created, "bench_layers"), { recursive: true, force: true });
    await quietly(analyze);
  };
  return [
    {
      name: "restore, cache directory",
      env: benchEnv,
      command: fromDirectory.restore,
      prepare: () => emptied(fromDirectory),
    },
    {
      name: "restore, cache image",
      env: benchEnv,
      command: fromImage.restore,
      prepare: async () => {
        await quietly(build.create(image, "-cache-image", cacheImage));
        await emptied(fromImage);
      },
    },
  ];
}
