import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build, type BuildOptions } from "esbuild";
import { deflateForEsbuild } from "../../../lifecycle/distribution/deflate-module.mjs";
import { goldenDirectory } from "../golden-data.ts";
import type { BuildResult, CaseJob, CaseResult, ErrorCase, Job, Scenario } from "./job.ts";
import type { TreeEntry } from "./tree.ts";

const root = resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);

/** The part of `programs.mjs` that is used here. */
interface Programs {
  readonly bundlePrograms: (names: readonly string[], options: BuildOptions, directory: string) => Promise<unknown>;
}

/** The programs that a scenario runs, bundled with the version that the recording has in its labels. */
export async function bundlePrograms(): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), "tspack-golden-programs-"));
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
    external: ["@napi-rs/lzma"],
    plugins: [deflateForEsbuild],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  };
  const define = {
    TSPACK_VERSION: '"0.21.17"',
    TSPACK_COMMIT: '"4bd4b13e"',
    TSPACK_REPOSITORY: '"github.com/buildpacks/lifecycle"',
  };
  const programs = (await import(join(root, "lifecycle/distribution/programs.mjs"))) as Programs;
  const split = { splitting: true, entryNames: "[name]", metafile: true };
  await programs.bundlePrograms(["lifecycle"], { ...common, ...split, define }, outdir);
  await build({ ...common, outdir, entryPoints: { driver: join(root, "test/golden/harness/main.ts") } });
  writeFileSync(join(outdir, "package.json"), '{"type":"module"}\n');
  // The phases run as another user.
  chmodSync(outdir, 0o755);
  return outdir;
}

/** Why scenarios can not run here; undefined when they can. */
export function missingForScenarios(): string | undefined {
  if (process.getuid?.() !== 0) return "root, because scenarios have files of several owners";
  if (!existsSync("/usr/bin/bwrap")) return "bubblewrap";
  return undefined;
}

/** Runs a scenario in a file system and network of its own. */
export async function runScenario(programs: string, folder: string): Promise<readonly BuildResult[]> {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(goldenDirectory, folder, name), "utf8"));
  const scenario = read("scenario.json") as Scenario;
  const tree = (read("input.json") as { readonly entries: readonly TreeEntry[] }).entries;
  return runJob(programs, { scenario, tree, golden: "/golden", lifecycle: "/driver/lifecycle.js" });
}

/** Runs an error case in a file system and network of its own. */
export function runErrorCase(
  programs: string,
  errorCase: ErrorCase,
  registry: Readonly<Record<string, string>>,
): Promise<CaseResult> {
  return runJob(programs, { errorCase, registry, golden: "/golden", lifecycle: "/driver/lifecycle.js" });
}

/** Runs a job of the driver and returns what it wrote. */
export async function runJob<Result>(programs: string, job: Job | CaseJob): Promise<Result> {
  const world = mkdtempSync(join(tmpdir(), "tspack-golden-world-"));
  try {
    mkdirSync(join(world, "root/etc"), { recursive: true });
    mkdirSync(join(world, "io"));
    writeFileSync(join(world, "root/etc/os-release"), 'ID=debian\nVERSION_ID="12"\n');
    const hosts = ["registry", "other", "mirror"].map((name) => `127.0.0.1 ${name}.localhost\n`);
    writeFileSync(join(world, "root/etc/hosts"), `127.0.0.1 localhost\n${hosts.join("")}127.0.0.2 denied.localhost\n`);
    writeFileSync(join(world, "io/job.json"), JSON.stringify(job));
    await run("bwrap", bubblewrapArguments(world, programs), { env: { PATH: "/usr/bin:/bin" }, maxBuffer: 1 << 26 });
    return JSON.parse(readFileSync(join(world, "io/result.json"), "utf8")) as Result;
  } finally {
    rmSync(world, { recursive: true, force: true });
  }
}

function bubblewrapArguments(world: string, programs: string): readonly string[] {
  const links = ["bin", "lib", "lib64", "sbin"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]);
  return [
    ...["--bind", join(world, "root"), "/", "--ro-bind", "/usr", "/usr", ...links],
    ...["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"],
    ...["--ro-bind", programs, "/driver", "--ro-bind", goldenDirectory, "/golden", "--bind", join(world, "io"), "/io"],
    ...["--ro-bind", process.execPath, "/node"],
    ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--cap-add", "ALL", "--chdir", "/"],
    ...["--", "/node", "/driver/driver.js", "/io/job.json", "/io/result.json"],
  ];
}
