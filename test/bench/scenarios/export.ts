import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { compete, type Contestant, type Result } from "../compete.ts";
import { analyzed, type ExportedApp, exportedApp, phaseEnv, runPhase } from "../exported-app.ts";
import { scaled } from "../scale.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { megabytes } from "../table.ts";
import { layerBytes } from "../workloads.ts";

/** `TSPACK_BENCH_FILES` changes it. */
const defaultFiles = 12_000;

/** Packing many small files and sending them to a registry: first, again, and after a change. */
export const exportScenario: Scenario = {
  name: "export",
  title: "a layer of many small files and a small application, to a registry of this machine",
  onlyByName: true,
  missing: registryMissing,
  run: (bench) => exportOf(bench, Number(process.env["TSPACK_BENCH_FILES"] ?? scaled(defaultFiles))),
};

/** The scenario with so many files, and those contestants that `select` takes. */
export async function exportOf(
  bench: Bench,
  files: number,
  select: (all: readonly Contestant[]) => readonly Contestant[] = (all) => all,
): Promise<readonly Result[]> {
  const registry = await startBenchRegistry(bench.directory);
  try {
    const exported = await exportedApp(bench, registry.host, files);
    return await compete(
      select([...ours(exported, registry.host, files), ...peers(exported, registry.host, bench.directory)]),
      bench.rounds,
    );
  } finally {
    await registry.close();
  }
}

function ours(exported: ExportedApp, host: string, files: number): readonly Contestant[] {
  let count = 0;
  const fresh = (): string => `${host}/bench/app-${count}`;
  const kept = `${host}/bench/kept`;
  const rate = `${files} files, ${megabytes(exported.bytes)}`;
  // A name that is new each time; the command is read when it runs.
  const cold: Contestant = {
    name: "lifecycle export, first",
    env: phaseEnv,
    get command() {
      return exported.exporter(fresh());
    },
    prepare: async () => {
      count++;
      touchContent(exported, `first ${count}`);
      await analyzed(exported, fresh());
    },
    remark: async () => `${rate}; image ${megabytes(await layerBytes(fresh()))}`,
  };
  const again: Contestant = {
    name: "lifecycle export, nothing changed",
    env: phaseEnv,
    command: exported.exporter(kept),
    // The first of these is not measured: it makes the image.
    prepare: async () => {
      await analyzed(exported, kept);
      await runPhase(exported.exporter(kept));
      await analyzed(exported, kept);
    },
  };
  const changed: Contestant = {
    ...again,
    name: "lifecycle export, one file changed",
    prepare: async () => {
      await analyzed(exported, kept);
      touchContent(exported, `changed ${Date.now()}`);
    },
  };
  return [cold, again, changed];
}

/** New content, so that the registry does not have the layer yet. */
function touchContent({ modules }: ExportedApp, text: string): void {
  appendFileSync(join(modules, "package-0/touched.js"), `${text}\n`);
}

function peers(exported: ExportedApp, host: string, directory: string): readonly Contestant[] {
  const tar = `tar --create --sort=name --directory ${exported.layersDir} bench_many/modules`;
  const limits = [
    { ...shell("GNU tar | gzip -5 > file", `${tar} | gzip -5 > ${directory}/peer.tgz`), yardstick: true },
    shell("GNU tar | sha256sum", `${tar} | sha256sum`),
    {
      ...shell("GNU tar | pigz -5 > file", `${tar} | pigz -5 > ${directory}/peer.tgz`),
      missing: isInstalled("pigz") ? undefined : "pigz is not installed",
    },
  ];
  const layout = join(directory, "umoci");
  const push = `skopeo copy --quiet --dest-tls-verify=false oci:${layout}:app docker://${host}/bench/umoci:latest`;
  const insert = `umoci insert --rootless --image ${layout}:app ${exported.modules} /layers/bench_many/modules`;
  return [
    ...limits,
    {
      ...shell(
        "umoci insert, skopeo copy",
        `umoci init --layout ${layout} && umoci new --image ${layout}:app && ${insert} && ${push}`,
      ),
      missing: isInstalled("umoci") && isInstalled("skopeo") ? undefined : "umoci or skopeo is not installed",
      prepare: () => {
        rmSync(layout, { recursive: true, force: true });
        touchContent(exported, `umoci ${Date.now()}`);
      },
    },
  ];
}

function shell(name: string, script: string): Contestant {
  return { name, peer: true, command: ["sh", "-ec", script] };
}
