import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { decodePackageToml, type PackageToml } from "../../cnb/files/package-toml.ts";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { readTomlFile } from "../../phases/files.ts";
import { readModuleDescriptor } from "./directory-module.ts";
import {
  type DependencyFile,
  distinct,
  type ElsewhereLocation,
  loadDependencies,
  loadModules,
} from "./load-modules.ts";
import { locate, type LocateScope } from "./locate.ts";
import type { ModuleKind, ModulePorts, ModuleSet } from "./module.ts";
import { targetPlatforms } from "./read-platform.ts";

/** What is packaged. */
export interface PackageRequest {
  readonly kind: ModuleKind;
  /** Of the buildpack's directory; relative ones start in `cwd`. */
  readonly path?: string | undefined;
  /** A `package.toml`. */
  readonly config?: string | undefined;
  readonly cwd: string;
}

/** A package that is ready to be written, for any platform. */
export interface MadePackage {
  /** The platforms that the files name, in their order; empty when they name none. */
  readonly targets: readonly Platform[];
  /** The buildpacks for a platform: programs may be in a directory for it, and dependencies in an index. */
  modulesFor(platform: Platform): Promise<ModuleSet>;
}

/**
 * Finds out what the package of a directory or of a `package.toml` is made of. Throws
 * `INVALID_ARGUMENTS`, `INVALID_BUILDPACK`, `FILE_NOT_FOUND` and what fetching dependencies throws.
 */
export async function makePackage(request: PackageRequest, ports: ModulePorts): Promise<MadePackage> {
  const { kind, path, config, cwd } = request;
  if (path !== undefined && config !== undefined) throw bothGiven(kind);
  const source =
    config === undefined
      ? sourceInDirectory(resolve(cwd, path ?? "."), kind)
      : sourceOfToml(resolve(cwd, config), kind, undefined);
  const modulesFor = (platform: Platform): Promise<ModuleSet> => load(source, kind, { ...ports, platform });
  const declared = source.targets.length > 0 ? source.targets : await ownTargets(source, kind, ports);
  return { targets: targetPlatforms(declared), modulesFor };
}

/** Where the parts of a package are. */
interface PackageSource extends Pick<PackageToml, "targets" | "dependencies"> {
  readonly location: ElsewhereLocation;
  readonly scope: LocateScope;
  /** What the paths of dependencies are relative to, and for messages. */
  readonly file: DependencyFile;
}

function sourceInDirectory(directory: string, kind: ModuleKind): PackageSource {
  const file = join(directory, "package.toml");
  // As with `--buildpack DIRECTORY`: what lies beside a buildpack says what it is packaged with.
  if (existsSync(file)) return sourceOfToml(file, kind, directory);
  if (!existsSync(directory)) {
    const issue = { source: "--path", path: "", expected: `the directory of a ${kind}`, got: directory };
    throw new InputError("FILE_NOT_FOUND", `there is no ${kind} to package`, [issue]);
  }
  const scope = { baseDir: directory, known: [], source: "--path" };
  const location = { kind: "path", path: directory } as const;
  return { location, scope, file: { directory, file }, targets: [], dependencies: [] };
}

function sourceOfToml(file: string, kind: ModuleKind, directory: string | undefined): PackageSource {
  const { buildpack, extension, targets, dependencies } = decodePackageToml(readTomlFile(file));
  const baseDir = dirname(file);
  const uri = kind === "buildpack" ? buildpack : extension;
  const scope: LocateScope = { baseDir, known: [], source: `${file}: ${kind}.uri` };
  if (uri === undefined) {
    const issue = { source: file, path: kind, expected: `[${kind}] with a uri`, got: "nothing" };
    throw new InputError("INVALID_BUILDPACK", `${file} does not package ${kind === "buildpack" ? "a" : "an"} ${kind}`, [
      issue,
    ]);
  }
  const location =
    directory === undefined ? locate({ kind: "uri", uri }, scope) : ({ kind: "path", path: directory } as const);
  if (location.kind === "builder-order" || location.kind === "in-builder") {
    const issue = { source: scope.source, path: "", expected: "a path, an address or an image", got: uri };
    throw new InputError("INVALID_BUILDPACK", `${file} has no ${kind} to package`, [issue]);
  }
  return { location, scope, file: { directory: baseDir, file }, targets, dependencies };
}

/** What the buildpack says of itself: read before its programs, which need not be there for this machine. */
async function ownTargets(source: PackageSource, kind: ModuleKind, ports: ModulePorts) {
  const { location } = source;
  if (location.kind === "path" && statSync(location.path).isDirectory())
    return readModuleDescriptor(location.path, kind).targets;
  return (await load(source, kind, ports)).main.descriptor.targets;
}

async function load(source: PackageSource, kind: ModuleKind, ports: ModulePorts): Promise<ModuleSet> {
  const { main, dependencies } = await loadModules(source.location, kind, source.scope, ports);
  const further = await loadDependencies(source.dependencies, source.file, ports);
  return { main, dependencies: distinct([main, ...dependencies, ...further]).slice(1) };
}

function bothGiven(kind: ModuleKind): InputError {
  const issue = {
    source: "--path",
    path: "",
    expected: "nothing beside --config, which says where it is",
    got: "both",
  };
  return new InputError("INVALID_ARGUMENTS", `a ${kind} is packaged from one place`, [issue]);
}
