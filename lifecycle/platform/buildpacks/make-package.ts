import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { decodePackageToml, type PackageToml } from "../../cnb/files/package-toml.ts";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { readTomlFile } from "../../phases/files.ts";
import { distinct, loadDependencies, loadModules } from "./load-modules.ts";
import { locate, type LocateScope } from "./locate.ts";
import type { ModuleKind, ModulePorts, ModuleSet } from "./module.ts";
import { packageImage } from "./package-image.ts";

/** What is packaged. */
export interface PackageRequest {
  readonly kind: ModuleKind;
  /** Of the buildpack's directory; relative ones start in `cwd`. */
  readonly path?: string | undefined;
  /** A `package.toml`. */
  readonly config?: string | undefined;
  readonly cwd: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A package that is ready to be written. */
export interface MadePackage {
  readonly modules: ModuleSet;
  /** The platforms that the files name, in their order; empty when they name none. */
  readonly targets: readonly Platform[];
  imageFor(platform: Platform): Image;
}

/**
 * Makes the package of a directory or of a `package.toml`. Throws `INVALID_ARGUMENTS`,
 * `INVALID_BUILDPACK`, `INVALID_ORDER`, `FILE_NOT_FOUND` and what fetching dependencies throws.
 */
export async function makePackage(request: PackageRequest, ports: ModulePorts): Promise<MadePackage> {
  const { kind, path, config, cwd, labels } = request;
  if (path !== undefined && config !== undefined) throw bothGiven(kind);
  const { modules, targets } =
    config === undefined
      ? await packageOfDirectory(resolve(cwd, path ?? "."), kind, ports)
      : await packageOfToml(resolve(cwd, config), kind, ports);
  const declared = targets.length > 0 ? targets : modules.main.descriptor.targets;
  const platforms = declared.flatMap(({ os, arch, variant }): readonly Platform[] =>
    os === "" || arch === "" ? [] : [{ os, architecture: arch, ...(variant === "" ? {} : { variant }) }],
  );
  return {
    modules,
    targets: distinctPlatforms(platforms),
    imageFor: (platform) => packageImage({ ...modules, platform, labels }),
  };
}

type Parts = Pick<PackageToml, "targets"> & { readonly modules: ModuleSet };

async function packageOfDirectory(directory: string, kind: ModuleKind, ports: ModulePorts): Promise<Parts> {
  const file = join(directory, "package.toml");
  // As with `--buildpack DIRECTORY`: what lies beside a buildpack says what it is packaged with.
  if (existsSync(file)) return packageOfToml(file, kind, ports, directory);
  const scope = { baseDir: directory, known: [], source: "--path" };
  if (!existsSync(directory)) {
    const issue = { source: "--path", path: "", expected: `the directory of a ${kind}`, got: directory };
    throw new InputError("FILE_NOT_FOUND", `there is no ${kind} to package`, [issue]);
  }
  return { modules: await loadModules({ kind: "path", path: directory }, kind, scope, ports), targets: [] };
}

async function packageOfToml(file: string, kind: ModuleKind, ports: ModulePorts, directory?: string): Promise<Parts> {
  const definition = decodePackageToml(readTomlFile(file));
  const baseDir = dirname(file);
  const uri = kind === "buildpack" ? definition.buildpack : definition.extension;
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
  const { main, dependencies } = await loadModules(location, kind, scope, ports);
  const further = await loadDependencies(definition.dependencies, { directory: baseDir, file }, ports);
  const others = distinct([main, ...dependencies, ...further]).slice(1);
  return { modules: { main, dependencies: others }, targets: definition.targets };
}

function distinctPlatforms(platforms: readonly Platform[]): readonly Platform[] {
  return [...new Map(platforms.map((platform) => [JSON.stringify(platform), platform])).values()];
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
