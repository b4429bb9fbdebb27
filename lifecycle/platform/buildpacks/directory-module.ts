import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { type BuildpackDescriptor, decodeBuildpackToml } from "../../cnb/files/buildpack-toml.ts";
import { TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { type LayerEntry, packEntries } from "../../layers/pack-entries.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { readTomlFile } from "../../phases/files.ts";
import { type BuildModule, descriptorFile, moduleFolder, type ModuleKind } from "./module.ts";

/** How a directory is packed. */
export interface DirectoryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of directories for several platforms, `linux/amd64/bin` and the like, which one is meant. */
  readonly platform?: Platform | undefined;
}

/**
 * Packs the buildpack or extension of a directory. Throws `FILE_NOT_FOUND`, `INVALID_TOML`,
 * `INVALID_BUILDPACK`, `EXPORT_FAILED` for what can not be read.
 */
export async function directoryModule(
  directory: string,
  kind: ModuleKind,
  blobs: BlobCache,
  { signal, platform }: DirectoryOptions = {},
): Promise<BuildModule> {
  const content = platformFolder(directory, platform);
  const descriptor = readModuleDirectory(directory, kind, content);
  const layer = await packEntries(moduleEntries(kind, descriptor, directory, content), blobs, { signal });
  return { kind, descriptor, layer };
}

/**
 * Where the programs for a platform are: in the innermost of `OS`, `OS/ARCHITECTURE` and
 * `OS/ARCHITECTURE/VARIANT` that has a `bin`, else in the directory itself. `buildpack.toml` is
 * always that of the directory itself.
 */
function platformFolder(directory: string, platform: Platform | undefined): string {
  if (platform === undefined) return directory;
  const { os, architecture, variant } = platform;
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  const folders = parts.map((_, index) => join(directory, ...parts.slice(0, index + 1)));
  // A link would lead out of the directory.
  const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const reached = folders.findIndex((folder) => !isDirectory(folder));
  const there = reached === -1 ? folders : folders.slice(0, reached);
  return there.findLast((folder) => isDirectory(join(folder, "bin"))) ?? directory;
}

/**
 * Reads and checks `buildpack.toml` or `extension.toml` and the programs, which are beside it or in
 * `content`. Throws as `directoryModule` does.
 */
export function readModuleDirectory(directory: string, kind: ModuleKind, content = directory): BuildpackDescriptor {
  const descriptor = readModuleDescriptor(directory, kind);
  if (descriptor.kind !== "composite") requirePrograms(content, descriptor);
  return descriptor;
}

/** Reads `buildpack.toml` or `extension.toml`. Throws `INVALID_TOML`, `INVALID_BUILDPACK`. */
export function readModuleDescriptor(directory: string, kind: ModuleKind): BuildpackDescriptor {
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
  return descriptor;
}

function missingDescriptor(directory: string, kind: ModuleKind): TspackError {
  const other = kind === "buildpack" ? "extension" : "buildpack";
  const isOther = existsSync(join(directory, descriptorFile(other)));
  return new TspackError(
    "INVALID_BUILDPACK",
    isOther ? `${directory} is an ${other}, not a ${kind}` : `${directory} has no ${descriptorFile(kind)}`,
    {
      hint: isOther
        ? `use it with --${other}`
        : `tspack buildpack new makes a directory with all that ${kind === "extension" ? "an extension" : "a buildpack"} has`,
    },
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

const owner = { uid: 0, gid: 0 };

/**
 * The entries of a buildpack's layer: `/cnb/buildpacks/<escaped id>/<version>`, owned by root.
 * Modes are 0755 or 0644, so that the layer does not depend on a checkout's umask. Distribution
 * specification, buildpackage.
 */
export function moduleEntries(
  kind: ModuleKind,
  { id, version }: BuildpackDescriptor,
  directory: string,
  content = directory,
): readonly LayerEntry[] {
  const folder = moduleFolder(kind, id, version);
  const parents = folder
    .split("/")
    .map((_, index, parts) => parts.slice(0, index + 1).join("/"))
    .filter((name) => name !== "");
  const inLayer = `${folder}/${descriptorFile(kind)}`;
  const descriptor = content === directory ? [] : [fileEntry(inLayer, 0o644, join(directory, descriptorFile(kind)))];
  const entries = below(content, folder, resolve(content)).filter(
    ({ name }) => descriptor.length === 0 || name !== inLayer,
  );
  return [...parents.map((name) => directoryEntry(name)), ...descriptor, ...entries];
}

function directoryEntry(name: string): LayerEntry {
  return { name, type: "dir", mode: 0o755, ...owner };
}

function fileEntry(name: string, mode: number, path: string): LayerEntry {
  return { name, type: "file", mode, path, ...owner };
}

function below(directory: string, folder: string, root: string): readonly LayerEntry[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name): readonly LayerEntry[] => {
      const [path, inLayer] = [join(directory, name), `${folder}/${name}`];
      const info = lstatSync(path);
      if (info.isDirectory()) return [directoryEntry(inLayer), ...below(path, inLayer, root)];
      if (info.isSymbolicLink())
        return [{ name: inLayer, type: "symlink", mode: 0o777, linkname: linkWithin(path, root), ...owner }];
      // Sockets, pipes and devices are no part of a buildpack.
      if (!info.isFile()) return [];
      return [fileEntry(inLayer, (info.mode & 0o100) === 0 ? 0o644 : 0o755, path)];
    });
}

/** What a link says. One that finds something beside the buildpack would find nothing in the builder, so that is refused. */
function linkWithin(path: string, root: string): string {
  const linkname = readlinkSync(path);
  const target = resolve(dirname(path), linkname);
  const leaves = !linkname.startsWith("/") && target !== root && !target.startsWith(root + sep);
  if (!leaves || !existsSync(target)) return linkname;
  throw new TspackError("INVALID_BUILDPACK", `${path} is a link to ${linkname}, which is no part of the buildpack`, {
    hint: `use a copy that has the files themselves: cp -RL ${root} COPY`,
  });
}
