import { lstat, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, posix } from "node:path";
import { InputError, type InputIssue } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";
import { readVolumes, type VolumeOption, type VolumeRules } from "../engine/volume-option.ts";
import { privateDirectory } from "../places.ts";
import type { RunnerVolume } from "../runners/runner.ts";
import type { Tools } from "../tools.ts";

/**
 * What `--volume` names, on this machine: a path has to be there, a name is a directory that
 * tspack keeps. No target is in the workspace when there is one. Throws `INVALID_ARGUMENTS` with every problem.
 */
export async function hostVolumes(
  given: readonly string[],
  workspace: string | undefined,
  { machine, places }: Pick<Tools, "machine" | "places">,
  rules?: VolumeRules,
): Promise<readonly RunnerVolume[]> {
  const options = readVolumes(given, machine.cwd, rules);
  const issues: InputIssue[] = [];
  for (const option of options) {
    const expected = await problemOf(option, workspace);
    const got = `${option.source}:${option.target}:${option.options}`;
    if (expected !== undefined) issues.push({ source: "--volume", path: "", expected, got });
  }
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "volumes can not be mounted", issues);
  return Promise.all(
    options.map(async ({ source, target, options: words }) => ({
      source: isAbsolute(source) ? source : await privateDirectory(join(places.volumes, source)),
      target,
      writable: words.split(",").includes("rw"),
    })),
  );
}

async function problemOf({ source, target }: VolumeOption, workspace: string | undefined): Promise<string | undefined> {
  // A link of the application there would decide where the mount point is made.
  if (workspace !== undefined && (target === workspace || target.startsWith(`${workspace}/`)))
    return `a target that is not in ${workspace}`;
  if (!isAbsolute(source) || (await stat(source).catch(() => undefined)) !== undefined) return undefined;
  return "a directory or file that is there";
}

/** Makes the mount points of bindings: the `<platform>` directory is read-only once it is mounted. */
export async function placeVolumes(
  volumes: readonly RunnerVolume[],
  platform: Place,
): Promise<readonly RunnerVolume[]> {
  for (const { source, target } of volumes) {
    if (!target.startsWith("/platform/")) continue;
    const point = join(platform.path, posix.relative("/platform", target));
    await mkdir(dirname(point), { recursive: true });
    if ((await lstat(source)).isDirectory()) await mkdir(point, { recursive: true });
    else await writeFile(point, "", { mode: 0o644 });
  }
  return volumes;
}
