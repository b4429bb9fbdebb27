import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import type { BuildResult, ImageResult, Job, ScenarioBuild, ScenarioStep, StepResult } from "./job.ts";
import { placeLauncher, runProgram } from "./program.ts";
import { loadImage, readImage, readLayoutImage } from "./images.ts";
import { makeTree, readCache, readTree, type TreeEntry } from "./tree.ts";

const registry = "http://127.0.0.1:80";
const user = { uid: 1000, gid: 1000 };

const tomlFiles = ["/layers/analyzed.toml", "/layers/group.toml", "/layers/plan.toml"];

/**
 * Runs one scenario of the golden data in a file system of its own, whose root is `/` here, as
 * root; the phases run as the user that the recording had.
 */
export async function runScenarioJob(job: Job): Promise<readonly BuildResult[]> {
  makeTree(job.tree);
  for (const path of ["/workspace", "/layers", "/platform", "/cache", "/layout-repo", "/home/cnb"]) makeDirectory(path);
  placeLauncher();
  await tagRunImage(job, job.scenario.runImage, job.scenario.runImageReference);
  const results: BuildResult[] = [];
  for (const build of job.scenario.builds) {
    // What the tree has below /layers is for the first build.
    if (results.length > 0) emptyDirectory("/layers");
    results.push(await runBuild(job, build));
  }
  return results;
}

function emptyDirectory(path: string): void {
  for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { recursive: true, force: true });
}

function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeTree([{ path, type: "dir", mode: "0755", ...user }]);
}

/** In a layout the run image is a directory of the layout repository; in a registry it is a tag. */
async function tagRunImage(job: Job, name: string, reference: string): Promise<void> {
  const source = `${job.golden}/run-images/${name}`;
  const [host, repository = "", tag = "latest"] = reference.split(/\/(.*):/);
  if (job.scenario.destination === "oci-layout") {
    const target = `/layout-repo/${host}/${repository}/${tag}`;
    mkdirSync(target, { recursive: true });
    spawnSync("cp", ["-r", `${source}/.`, target]);
    spawnSync("chown", ["-R", "1000:1000", "/layout-repo"]);
    return;
  }
  await loadImage(registry, source, repository, tag);
}

async function runBuild(job: Job, build: ScenarioBuild): Promise<BuildResult> {
  makeTree(build.editsBefore ?? []);
  const restoreCache = changeCache(build);
  await tagNewRunImages(job, build);
  const texts: Record<string, string> = {};
  const trees: Record<string, readonly TreeEntry[]> = {};
  const steps: StepResult[] = [];
  for (const step of build.steps) {
    if (job.scenario.notes.some((note) => note.includes("/layers has mode 0777")) && step.phase === "exporter")
      chmodSync("/layers", 0o777);
    const result = await runStep(job, step);
    steps.push(result);
    collect(step.phase, texts, trees);
    if (result.exitCode !== step.exitCode) break;
  }
  restoreCache();
  return { name: build.name, steps, texts, trees, ...(await images(job, build)) };
}

/** Spoils a tar of the cache for one build; what is returned puts it back. */
function changeCache({ removedTar, changedTar }: ScenarioBuild): () => void {
  const name = removedTar ?? changedTar;
  if (name === undefined) return () => {};
  const path = `/cache/committed/${name}`;
  renameSync(path, "/spoiled");
  if (changedTar !== undefined) {
    copyFileSync("/spoiled", path);
    appendFileSync(path, "x");
  }
  return () => renameSync("/spoiled", path);
}

/** The new run image comes under the old one's name and under the one that the rebaser is told. */
async function tagNewRunImages(job: Job, { newRunImage, steps }: ScenarioBuild): Promise<void> {
  if (newRunImage === undefined) return;
  if (newRunImage !== null) await tagRunImage(job, newRunImage, job.scenario.runImageReference);
  const args = steps.flatMap((step) => step.args);
  const told = args.includes("-run-image") ? args[args.indexOf("-run-image") + 1] : undefined;
  const named = /\/run\/([^:]*):v1$/.exec(told ?? "")?.[1];
  if (told === undefined || named === undefined) return;
  await tagRunImage(job, newRunImage ?? named, told);
}

function runStep(job: Job, step: ScenarioStep): Promise<StepResult> {
  const uid = step.note === "started as root" ? 0 : user.uid;
  return runProgram(job.lifecycle, { ...step, env: { ...job.scenario.env, ...step.env }, uid });
}

function collect(phase: string, texts: Record<string, string>, trees: Record<string, readonly TreeEntry[]>): void {
  const keep = (name: string, path: string): void => {
    if (existsSync(path)) texts[name] = readFileSync(path, "utf8");
  };
  const created = phase === "creator";
  if (phase === "analyzer" || created) keep("analyzed.toml", "/layers/analyzed.toml");
  if (phase === "detector") keep("analyzed-after-detect.toml", "/layers/analyzed.toml");
  if (phase === "restorer") keep("analyzed-after-restore.toml", "/layers/analyzed.toml");
  if (phase === "analyzer") trees["layers-after-analyze.json"] = readTree("/layers", tomlFiles);
  if (phase === "restorer") trees["layers-after-restore.json"] = readTree("/layers", tomlFiles);
  if (phase === "builder") trees["layers-after-build.json"] = readTree("/layers", tomlFiles);
  keep("group.toml", "/layers/group.toml");
  keep("plan.toml", "/layers/plan.toml");
  keep("metadata.toml", "/layers/config/metadata.toml");
  keep("report.toml", phase === "rebaser" ? "/layers/rebase-report.toml" : "/layers/report.toml");
  if (phase !== "exporter" && !created) return;
  keep("cache-metadata.json", "/cache/committed/io.buildpacks.lifecycle.cache.metadata");
  trees["cache.json"] = readCache("/cache");
}

async function images(
  job: Job,
  build: ScenarioBuild,
): Promise<{ image: ImageResult | undefined; cacheImage: ImageResult | undefined }> {
  const args = build.steps.flatMap((step) => step.args);
  const cache = args[args.indexOf("-cache-image") + 1];
  const cacheImage =
    args.includes("-cache-image") && cache !== undefined ? await readImage(registry, cache) : undefined;
  if (job.scenario.destination === "registry") return { image: await readImage(registry, build.image), cacheImage };
  return { image: readLayoutImage(`/layout-repo/${build.image}/latest`), cacheImage };
}
