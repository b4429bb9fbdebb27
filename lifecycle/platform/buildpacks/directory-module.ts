import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type BuildpackDescriptor, decodeBuildpackToml } from "../../cnb/files/buildpack-toml.ts";
import { TspackError } from "../../errors.ts";
import { type LayerEntry, packEntries } from "../../layers/pack-entries.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { readTomlFile } from "../../phases/files.ts";
import { type BuildModule, descriptorFile, moduleFolder, type ModuleKind } from "./module.ts";

/**
 * Packs the buildpack or extension of a directory. Throws `FILE_NOT_FOUND`, `INVALID_TOML`,
 * `INVALID_BUILDPACK`, `EXPORT_FAILED` for what can not be read.
 */
export async function directoryModule(
  directory: string,
  kind: ModuleKind,
  blobs: BlobCache,
  signal?: AbortSignal,
): Promise<BuildModule> {
  const descriptor = readModuleDirectory(directory, kind);
  const layer = await packEntries(moduleEntries(kind, descriptor, directory), blobs, { signal });
  return { kind, descriptor, layer };
}

/** Reads and checks `buildpack.toml` or `extension.toml` and the programs beside it. Throws as `directoryModule` does. */
export function readModuleDirectory(directory: string, kind: ModuleKind): BuildpackDescriptor {
  const file = join(directory, descriptorFile(kind));
  const info = lstatSync(file, { throwIfNoEntry: false });
  if (info === undefined) throw missingDescriptor(directory, kind);
  // A link in a package would make us read a file of this machine.
  if (!info.isFile()) throw new TspackError("INVALID_BUILDPACK", `${file} is not a regular file`);
  const descriptor = decodeBuildpackToml(readTomlFile(file), directory);
  const isExtension = descriptor.kind === "extension";
  if (isExtension !== (kind === "extension"))
    throw new TspackError("INVALID_BUILDPACK", `${file} describes ${isExtension ? "an extension" : "a buildpack"}`, {
      hint: isExtension ? "use it with --extension" : "use it with --buildpack",
    });
  if (descriptor.kind !== "composite") requirePrograms(directory, descriptor);
  return descriptor;
}

function missingDescriptor(directory: string, kind: ModuleKind): TspackError {
  const other = kind === "buildpack" ? "extension" : "buildpack";
  const isOther = existsSync(join(directory, descriptorFile(other)));
  return new TspackError(
    "INVALID_BUILDPACK",
    isOther ? `${directory} is an ${other}, not a ${kind}` : `${directory} has no ${descriptorFile(kind)}`,
    { hint: isOther ? `use it with --${other}` : `tspack buildpack new makes a directory with all that a ${kind} has` },
  );
}

function requirePrograms(directory: string, { id, kind }: BuildpackDescriptor): void {
  // An extension may leave its programs out and have a directory `generate` instead.
  const required = kind === "extension" ? [] : ["bin/detect", "bin/build"];
  const optional = kind === "extension" ? ["bin/detect", "bin/generate"] : [];
  for (const program of [...required, ...optional]) {
    const info = lstatSync(join(directory, program), { throwIfNoEntry: false });
    if (info === undefined && optional.includes(program)) continue;
    if (info !== undefined && (info.isSymbolicLink() || (info.mode & 0o111) !== 0)) continue;
    const path = join(directory, program);
    throw new TspackError(
      "INVALID_BUILDPACK",
      `${path} of ${id} is ${info === undefined ? "missing" : "not executable"}`,
      { hint: info === undefined ? "every buildpack has bin/detect and bin/build" : `chmod +x ${path}` },
    );
  }
}

const root = { uid: 0, gid: 0 };

/**
 * The entries of a buildpack's layer: `/cnb/buildpacks/<escaped id>/<version>`, owned by root.
 * Modes are 0755 or 0644, so that the layer does not depend on a checkout's umask. Distribution
 * specification, buildpackage.
 */
export function moduleEntries(
  kind: ModuleKind,
  { id, version }: BuildpackDescriptor,
  directory: string,
): readonly LayerEntry[] {
  const folder = moduleFolder(kind, id, version);
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
      // Sockets, pipes and devices are no part of a buildpack.
      if (!info.isFile()) return [];
      return [{ name: inLayer, type: "file", mode: (info.mode & 0o100) === 0 ? 0o644 : 0o755, path, ...root }];
    });
}
