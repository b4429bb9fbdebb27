import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "./measure.ts";
import { type Bench, ours } from "./scenario.ts";
import { pushRunImage, writeTree } from "./workloads.ts";

/** Directories of a build that has ended, ready to be exported. */
export interface ExportedApp {
  readonly layersDir: string;
  readonly modules: string;
  readonly bytes: number;
  /** The commands of both phases for an image of this name. */
  readonly analyzer: (image: string) => readonly string[];
  readonly exporter: (image: string) => readonly string[];
}

/** Variables of a phase; the caller's HOME may be closed to the user that phases become. */
export const phaseEnv = { CNB_PLATFORM_API: "0.12", HOME: tmpdir() } as const;

/** One launch layer of many small files and an application of a few, on a run image of the registry. */
export async function exportedApp(bench: Bench, host: string, files: number): Promise<ExportedApp> {
  const { directory } = bench;
  await pushRunImage(`${host}/bench/run`, "one");
  const [app, layersDir] = [join(directory, "app"), join(directory, "layers")];
  const modules = join(layersDir, "bench_many/modules");
  const bytes = writeTree(modules, files, 7) + writeTree(app, 30, 8);
  mkdirSync(join(layersDir, "config"), { recursive: true });
  const text = (name: string, content: string): void => writeFileSync(join(directory, name), content);
  text("layers/config/metadata.toml", 'buildpack-default-process-type = ""\n');
  text("layers/bench_many/modules.toml", "[types]\nlaunch = true\n");
  text("layers/group.toml", '[[group]]\nid = "bench/many"\nversion = "1"\napi = "0.10"\n');
  text("run.toml", `[[images]]\nimage = "${host}/bench/run"\n`);
  // The phases run as this user, also when root starts them.
  const user = ["-uid", String(process.getuid?.() || 1000), "-gid", String(process.getgid?.() || 1000)];
  chmodSync(directory, 0o755);
  chmodSync(layersDir, 0o777);
  const common = ["-layers", layersDir, "-run", join(directory, "run.toml"), ...user];
  const launcher = ["-launcher", join(bench.root, "dist/tspack.js")];
  return {
    layersDir,
    modules,
    bytes,
    analyzer: (image) => ours(bench, "lifecycle", "analyze", ...common, image),
    exporter: (image) => ours(bench, "lifecycle", "export", "-app", app, ...common, ...launcher, image),
  };
}

/** Runs one of the phases, outside of any measurement. */
export async function runPhase(command: readonly string[]): Promise<void> {
  await measure({ name: command.slice(2, 3).join(), command, env: phaseEnv });
}

/** Writes `analyzed.toml` anew, as for a build that finds the image of this name. */
export async function analyzed({ layersDir, analyzer }: ExportedApp, image: string): Promise<void> {
  rmSync(join(layersDir, "analyzed.toml"), { force: true });
  await runPhase(analyzer(image));
}
