import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tree } from "./bench-trees.ts";
import { type Bench, ours } from "./scenario.ts";
import { pushRunImage } from "./workloads.ts";

/** What a buildpack left, or will leave, in its layers. */
export interface Workload {
  /** Names of the layers, each for launch and for the cache. */
  readonly layers: readonly string[];
  /** Fills the directory of a layer. */
  readonly fill: (directory: string, name: string) => Tree;
  readonly appFiles: number;
}

/** The commands of a restore: the analysis before it, and itself. */
export interface Restoring {
  readonly analyze: readonly string[];
  readonly restore: readonly string[];
}

/** The phases of one application, each as a command for an image's name and further flags. */
export interface BenchBuild {
  readonly app: string;
  /** Where the layers of the exporter are; the creator and the restorer have others, which start empty. */
  readonly layers: string;
  readonly first: string;
  readonly cacheDir: string;
  /** The cache of the creator and the restorer: names in its layers are others than the exporter's. */
  readonly createdCache: string;
  /** For `-fingerprints`. */
  readonly fingerprints: string;
  readonly tree: Tree;
  readonly analyze: (image: string, ...flags: readonly string[]) => readonly string[];
  readonly export: (image: string, ...flags: readonly string[]) => readonly string[];
  /** Restores what the creator left; the names in its tars are those of its layers directory. */
  readonly restore: (image: string, flags: readonly string[]) => Restoring;
  readonly create: (image: string, ...flags: readonly string[]) => readonly string[];
  /** The creator's layers directory, to be emptied. */
  readonly created: string;
}

/** Variables of a phase; the caller's HOME may be closed to the user that phases become. */
export const benchEnv = { CNB_PLATFORM_API: "0.13", HOME: tmpdir() } as const;

/** Makes the files of a build that has ended, a buildpack that makes the same layers, and a run image. */
export async function benchBuild(bench: Bench, host: string, workload: Workload): Promise<BenchBuild> {
  const { directory } = bench;
  const at = (name: string): string => join(directory, name);
  await pushRunImage(`${host}/bench/run`, "one");
  writeApp(at("app"), workload.appFiles);
  const trees = workload.layers.map((name) => workload.fill(join(at("layers/bench_layers"), name), name));
  for (const name of workload.layers)
    text(at(`layers/bench_layers/${name}.toml`), "[types]\nlaunch = true\ncache = true\n");
  text(at("layers/config/metadata.toml"), 'buildpack-default-process-type = ""\n');
  text(at("layers/group.toml"), '[[group]]\nid = "bench/layers"\nversion = "1"\napi = "0.10"\n');
  text(at("run.toml"), `[[images]]\nimage = "${host}/bench/run"\n`);
  writeBuildpack(at, workload);
  const writable = ["layers", "cache", "fingerprints", "created", "created-cache"];
  for (const name of [...writable, "platform"]) mkdirSync(at(name), { recursive: true });
  chmodSync(directory, 0o755);
  for (const name of writable) chmodSync(at(name), 0o777);
  const user = ["-uid", String(process.getuid?.() || 1000), "-gid", String(process.getgid?.() || 1000)];
  const phase = (name: string, layers: string, ...args: readonly string[]): readonly string[] =>
    ours(bench, "lifecycle", name, "-layers", at(layers), ...user, ...args);
  const run = ["-run", at("run.toml")];
  const launcher = ["-launcher", join(bench.root, "dist/tspack.js")];
  const build = ["-order", at("order.toml"), "-buildpacks", at("buildpacks"), "-platform", at("platform")];
  return {
    app: at("app"),
    layers: at("layers"),
    first: join(at("layers/bench_layers"), workload.layers[0] ?? ""),
    cacheDir: at("cache"),
    createdCache: at("created-cache"),
    fingerprints: at("fingerprints"),
    created: at("created"),
    tree: {
      files: trees.reduce((sum, { files }) => sum + files, 0),
      bytes: trees.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    analyze: (image, ...flags) => phase("analyze", "layers", ...run, ...flags, image),
    export: (image, ...flags) => phase("export", "layers", "-app", at("app"), ...run, ...launcher, ...flags, image),
    restore: (image, flags) => ({
      analyze: phase("analyze", "created", ...run, ...flags.filter((flag) => !flag.startsWith("-cache-dir")), image),
      restore: phase("restore", "created", ...flags),
    }),
    create: (image, ...flags) =>
      phase("create", "created", "-app", at("app"), ...run, ...build, ...launcher, ...flags, image),
  };
}

/** Empties a directory; it stays, and everybody may write to it. */
export function empty(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  chmodSync(directory, 0o777);
}

function writeApp(directory: string, files: number): void {
  mkdirSync(directory, { recursive: true });
  for (let index = 0; index < files; index++)
    writeFileSync(join(directory, `page-${index}.html`), `page ${index}\n`.repeat(20 + (index % 200)));
}

/** Copies the exporter's layers where the restorer gave it none. */
function writeBuildpack(at: (name: string) => string, { layers }: Workload): void {
  const copies = layers.map(
    (name) =>
      `[ -d "$1/${name}" ] || cp -R '${at("layers/bench_layers")}/${name}' "$1/${name}"\n` +
      `printf '[types]\\nlaunch = true\\ncache = true\\n' > "$1/${name}.toml"\n`,
  );
  const own = "buildpacks/bench_layers/1";
  text(
    at(`${own}/buildpack.toml`),
    'api = "0.10"\n[buildpack]\nid = "bench/layers"\nversion = "1"\n[[targets]]\nos = "linux"\n',
  );
  text(at(`${own}/bin/detect`), "#!/bin/sh\nexit 0\n");
  text(at(`${own}/bin/build`), `#!/bin/sh\nset -e\n${copies.join("")}`);
  for (const name of ["detect", "build"]) chmodSync(at(`${own}/bin/${name}`), 0o755);
  text(at("order.toml"), '[[order]]\n[[order.group]]\nid = "bench/layers"\nversion = "1"\n');
}

function text(path: string, content: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
}
