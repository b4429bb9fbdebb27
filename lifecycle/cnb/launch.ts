import type { LaunchProcess, Process } from "./files/launch-toml.ts";

/** The processes of an image, and what the reference warns about while it merges them. */
export interface MergedProcesses {
  /** Sorted by type; none is marked as default, see `defaultType`. */
  readonly processes: readonly Process[];
  readonly defaultType: string | undefined;
  /** At most one per buildpack. */
  readonly warnings: readonly string[];
}

/** What one buildpack declared. */
export interface BuildpackProcesses {
  readonly buildpackId: string;
  readonly processes: readonly LaunchProcess[];
}

/**
 * Merges the processes of the buildpacks of a group. A later process replaces one of the same type;
 * the last one marked as default is the default, unless a later one of its type is not so marked.
 * Buildpack specification, launch.toml, "Processes".
 */
export function mergeProcesses(buildpacks: readonly BuildpackProcesses[]): MergedProcesses {
  const byType = new Map<string, Process>();
  const warnings: string[] = [];
  let defaultType: string | undefined;
  for (const { buildpackId, processes } of buildpacks) {
    let warning: string | undefined;
    for (const process of processes) {
      if (process.default) {
        defaultType = process.type;
        warning = undefined;
      } else if (process.type === defaultType) {
        defaultType = undefined;
        warning = `Warning: redefining the following default process type with a process not marked as default: ${process.type}\n`;
      }
      byType.set(process.type, { ...process, default: false, buildpackId });
    }
    if (warning !== undefined) warnings.push(warning);
  }
  const types = [...byType.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { processes: types.flatMap((type) => byType.get(type) ?? []), defaultType, warnings };
}
