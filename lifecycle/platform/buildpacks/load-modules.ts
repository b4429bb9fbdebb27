import { randomUUID } from "node:crypto";
import { lstatSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { decodePackageToml, type PackageDependency } from "../../cnb/files/package-toml.ts";
import { InputError, RemoteError, TspackError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import { readTomlFile } from "../../phases/files.ts";
import { privateDirectory } from "../places.ts";
import { archiveModules } from "./archive-module.ts";
import { directoryModule } from "./directory-module.ts";
import { fetchFile, shownUrl } from "./fetch-file.ts";
import { inlineModule } from "./inline-module.ts";
import { locate, type Location, type LocateScope, notFound } from "./locate.ts";
import { allOf, type BuildModule, moduleName, type ModuleKind, type ModulePorts, type ModuleSet } from "./module.ts";
import { packageModules } from "./package-module.ts";

/** A place that is not the builder's own. */
export type ElsewhereLocation = Exclude<Location, { readonly kind: "builder-order" | "in-builder" }>;

/** Gets a buildpack or extension, and what its order needs, from where it is. Throws what the kinds of places throw. */
export async function loadModules(
  location: ElsewhereLocation,
  kind: ModuleKind,
  scope: LocateScope,
  ports: ModulePorts,
): Promise<ModuleSet> {
  switch (location.kind) {
    case "inline":
      return inlineModule(location, ports);
    case "path":
      return statSync(location.path).isDirectory()
        ? directoryModules(location.path, kind, scope, ports)
        : archiveModules(location.path, location.path, kind, ports);
    case "url":
      return fetchedModules(location.url, kind, ports);
    case "image":
      return imageModules(location, kind, scope, ports);
    case "registry":
      return registryModules(location, kind, scope, ports);
  }
}

async function fetchedModules(url: string, kind: ModuleKind, ports: ModulePorts): Promise<ModuleSet> {
  const file = join(await privateDirectory(ports.modulesDir), `.fetched-${randomUUID()}`);
  try {
    await fetchFile(url, file, ports.network, ports.ctx);
    return await archiveModules(file, shownUrl(url), kind, ports);
  } finally {
    await rm(file, { force: true });
  }
}

async function imageModules(
  { ref, guessed }: { readonly ref: ImageRef; readonly guessed: boolean },
  kind: ModuleKind,
  scope: LocateScope,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const image = await ports.images.resolve(ref, { platform: ports.platform }).catch((error: unknown) => {
    // Without a network a mistyped id must not look like trouble with a registry.
    if (guessed && error instanceof RemoteError) throw notFound(ref.original, scope, error);
    throw error;
  });
  if (image === undefined) throw notFound(ref.original, scope);
  return packageModules(image, ref.original, kind, ports);
}

async function registryModules(
  { id, version, guessed }: Extract<Location, { readonly kind: "registry" }>,
  kind: ModuleKind,
  scope: LocateScope,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const name = moduleName({ id, version: version ?? "" });
  if (ports.registry === undefined) throw notFound(name, scope);
  const ref = await ports.registry.find(id, version, scope.source).catch((error: unknown) => {
    throw guessed && error instanceof TspackError && error.code !== "CANCELED" ? notFound(name, scope, error) : error;
  });
  const set = await imageModules({ ref, guessed: false }, kind, scope, ports);
  const { descriptor } = set.main;
  if (descriptor.id === id && (version === undefined || descriptor.version === version)) return set;
  const issue = { source: ref.original, path: "", expected: name, got: moduleName(descriptor) };
  throw new InputError("INVALID_BUILDPACK", "the registry's entry leads to another buildpack", [issue]);
}

/** A directory, and with a `package.toml` in it the buildpacks that the order names. */
async function directoryModules(
  directory: string,
  kind: ModuleKind,
  { within }: LocateScope,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const main = await directoryModule(directory, kind, ports.blobs, {
    signal: ports.ctx.signal,
    platform: ports.platform,
  });
  const file = join(directory, "package.toml");
  const info = lstatSync(file, { throwIfNoEntry: false });
  if (info === undefined) return { main, dependencies: [] };
  // An application's link would make us read, and show in an error, a file of this machine.
  if (!info.isFile()) throw new TspackError("INVALID_BUILDPACK", `${file} is not a regular file`);
  const { dependencies } = decodePackageToml(readTomlFile(file));
  return { main, dependencies: await loadDependencies(dependencies, { directory, file, within }, ports) };
}

/** A `package.toml` whose dependencies are meant. */
export interface DependencyFile {
  /** What its paths are relative to. */
  readonly directory: string;
  readonly file: string;
  /** As in `LocateScope`. */
  readonly within?: string | undefined;
}

/** Gets the dependencies of a `package.toml`, each with its own. */
export async function loadDependencies(
  dependencies: readonly PackageDependency[],
  { directory: baseDir, file, within }: DependencyFile,
  ports: ModulePorts,
): Promise<readonly BuildModule[]> {
  const modules: BuildModule[] = [];
  for (const [index, dependency] of dependencies.entries()) {
    const scope: LocateScope = { baseDir, within, known: [], source: `${file}: dependencies[${index}]` };
    const location = dependencyLocation(dependency, scope);
    modules.push(...allOf(await loadModules(location, "buildpack", scope, ports)));
  }
  return distinct(modules);
}

/** Where a file says that a buildpack is: by `uri`, or by the older `image`. Throws as `locate` does. */
export function dependencyLocation({ uri, image }: PackageDependency, scope: LocateScope): ElsewhereLocation {
  if (image !== undefined) return { kind: "image", ref: parseReference(image, scope.source), guessed: false };
  const location = locate({ kind: "uri", uri: uri ?? "" }, scope);
  if (location.kind !== "builder-order" && location.kind !== "in-builder") return location;
  const issue = { source: scope.source, path: "uri", expected: "a path, an address or an image", got: uri ?? "" };
  throw new InputError("INVALID_BUILDPACK", "a file can not name buildpacks of a builder", [issue]);
}

/** Each buildpack once; two of the same name and version have to be the same. Throws `INVALID_BUILDPACK`. */
export function distinct(modules: readonly BuildModule[]): readonly BuildModule[] {
  const known = new Map<string, BuildModule>();
  for (const module of modules) {
    const name = `${module.kind} ${moduleName(module.descriptor)}`;
    const other = known.get(name);
    if (other !== undefined && other.layer.diffId !== module.layer.diffId) {
      const issue = { source: name, path: "", expected: other.layer.diffId, got: module.layer.diffId };
      throw new InputError(
        "INVALID_BUILDPACK",
        `two different buildpacks are called ${moduleName(module.descriptor)}`,
        [issue],
        { hint: "give one of them another version" },
      );
    }
    if (other === undefined) known.set(name, module);
  }
  return [...known.values()];
}
