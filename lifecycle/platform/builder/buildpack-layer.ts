import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BuildpackDescriptor, decodeBuildpackToml } from "../../cnb/files/buildpack-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import { InputError, type InputIssue, TspackError } from "../../errors.ts";
import type { LayerEntry } from "../../layers/pack-entries.ts";
import { readTomlFile } from "../../phases/files.ts";
import type { BuilderBuildpack } from "./builder-toml.ts";

/** A buildpack on this machine that goes into a builder. */
export interface LocalBuildpack {
  readonly descriptor: BuildpackDescriptor;
  readonly directory: string;
}

/** Reads the buildpack of a directory. Throws `FILE_NOT_FOUND`, `INVALID_TOML`, `INVALID_BUILDPACK`. */
export function readBuildpackDirectory(directory: string): LocalBuildpack {
  const descriptor = decodeBuildpackToml(readTomlFile(join(directory, "buildpack.toml")), directory);
  if (descriptor.kind === "component") requirePrograms(directory, descriptor);
  return { descriptor, directory };
}

/**
 * Reads the buildpacks of a `builder.toml` in a directory. Throws what `readBuildpackDirectory`
 * throws, and `INVALID_BUILDER` when a buildpack is not the one that the file says.
 */
export function readBuilderBuildpacks(
  buildpacks: readonly BuilderBuildpack[],
  directory: string,
): readonly LocalBuildpack[] {
  const issues: InputIssue[] = [];
  const read = buildpacks.map(({ uri, id, version }, index) => {
    const buildpack = readBuildpackDirectory(resolve(directory, uri));
    const own = buildpack.descriptor;
    const wrong = { source: "builder.toml", path: `buildpacks[${index}]` };
    if (id !== undefined && id !== own.id) issues.push({ ...wrong, expected: `id ${own.id}, as in ${uri}`, got: id });
    if (version !== undefined && version !== own.version)
      issues.push({ ...wrong, expected: `version ${own.version}, as in ${uri}`, got: version });
    return buildpack;
  });
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", "builder.toml names other buildpacks than there are", issues);
  return read;
}

function requirePrograms(directory: string, { id }: BuildpackDescriptor): void {
  for (const program of ["bin/detect", "bin/build"]) {
    const info = lstatSync(join(directory, program), { throwIfNoEntry: false });
    if (info !== undefined && (info.mode & 0o111) !== 0) continue;
    throw new TspackError(
      "INVALID_BUILDPACK",
      `${join(directory, program)} of ${id} is ${info === undefined ? "missing" : "not executable"}`,
      {
        hint:
          info === undefined ? "every buildpack has bin/detect and bin/build" : `chmod +x ${join(directory, program)}`,
      },
    );
  }
}

const root = { uid: 0, gid: 0 };

/**
 * The entries of a buildpack's layer: `/cnb/buildpacks/<escaped id>/<version>`, owned by root.
 * Modes are 0755 or 0644, so that the layer does not depend on a checkout's umask. Distribution
 * specification, builder.
 */
export function buildpackEntries({ descriptor, directory }: LocalBuildpack): readonly LayerEntry[] {
  const folder = `/cnb/buildpacks/${escapeId(descriptor.id)}/${descriptor.version}`;
  const parents = folder
    .split("/")
    .map((_, index, parts) => parts.slice(0, index + 1).join("/"))
    .filter((name) => name !== "");
  return [...parents.map((name) => directoryEntry(name)), ...below(directory, folder)];
}

function directoryEntry(name: string): LayerEntry {
  return { name, type: "dir", mode: 0o755, ...root };
}

function below(directory: string, folder: string): readonly LayerEntry[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name): readonly LayerEntry[] => {
      const [path, inLayer] = [join(directory, name), `${folder}/${name}`];
      const info = lstatSync(path);
      if (info.isDirectory()) return [directoryEntry(inLayer), ...below(path, inLayer)];
      if (info.isSymbolicLink())
        return [{ name: inLayer, type: "symlink", mode: 0o777, linkname: readlinkSync(path), ...root }];
      if (!info.isFile()) return [];
      return [
        {
          name: inLayer,
          type: "file",
          mode: (info.mode & 0o100) === 0 ? 0o644 : 0o755,
          content: readFileSync(path),
          ...root,
        },
      ];
    });
}
