import { join } from "node:path";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { decodeModuleLayers, decodePackageMetadata, moduleLabels, type ModuleLayer } from "../../cnb/module-labels.ts";
import { buildpackIdProblem, versionProblem } from "../../cnb/ids.ts";
import { InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { fileInRootfs } from "../rootfs-files.ts";
import { readModuleDirectory } from "./directory-module.ts";
import {
  type BuildModule,
  moduleFolder,
  type ModuleKind,
  moduleName,
  type ModulePorts,
  type ModuleSet,
} from "./module.ts";
import { keepLayer, unpackLayer } from "./unpacked.ts";

/**
 * The buildpacks of a package: an image whose labels say which layer holds which. Each layer is
 * verified, and what its files say counts, not what a label says of them. Distribution
 * specification, buildpackage. Throws `INVALID_BUILDPACK`, `DIGEST_MISMATCH`.
 */
export async function packageModules(
  image: Image,
  source: string,
  kind: ModuleKind,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const labels = (await image.config()).value.config?.Labels ?? {};
  const metadata = labels[moduleLabels.packageMetadata];
  if (metadata === undefined) throw notPackage(source, labels);
  const main = decodePackageMetadata(metadata, `${source}: ${moduleLabels.packageMetadata}`);
  const name = kind === "buildpack" ? moduleLabels.buildpackLayers : moduleLabels.extensionLayers;
  const entries = decodeModuleLayers(labels[name], `${source}: ${name}`);
  if (entries.length === 0) throw wrongKind(source, kind);
  const layers = await image.layers();
  const modules: BuildModule[] = [];
  for (const entry of entries) modules.push(await packagedModule(entry, layers, source, kind, ports));
  const found = modules.find(({ descriptor }) => descriptor.id === main.id && descriptor.version === main.version);
  if (found === undefined) {
    const issue = {
      source: `${source}: ${name}`,
      path: "",
      expected: moduleName(main),
      got: entries.map(moduleName).join(", "),
    };
    throw new InputError("INVALID_BUILDPACK", `${source} does not have the ${kind} that it is a package of`, [issue]);
  }
  return { main: found, dependencies: modules.filter((module) => module !== found) };
}

function notPackage(source: string, labels: Readonly<Record<string, string>>): TspackError {
  const isBuilder = labels[moduleLabels.builderMetadata] !== undefined;
  return new TspackError(
    "INVALID_BUILDPACK",
    `${source} is no package of a buildpack${isBuilder ? " but a builder" : ""}`,
    {
      hint: isBuilder
        ? "a builder is used with --builder"
        : `a package has the label ${moduleLabels.packageMetadata}; tspack buildpack package makes one`,
    },
  );
}

function wrongKind(source: string, kind: ModuleKind): TspackError {
  const other = kind === "buildpack" ? "extension" : "buildpack";
  return new TspackError("INVALID_BUILDPACK", `${source} has no ${kind}`, {
    hint: `packages of ${other}s are used with --${other}`,
  });
}

async function packagedModule(
  entry: ModuleLayer,
  layers: readonly Layer[],
  source: string,
  kind: ModuleKind,
  ports: ModulePorts,
): Promise<BuildModule> {
  const problem = buildpackIdProblem(entry.id) ?? versionProblem(entry.version);
  const found = layers.find(({ diffId }) => diffId === entry.diffId);
  if (problem !== undefined || found === undefined) {
    const issue =
      problem === undefined
        ? { path: "layerDiffID", expected: "one of the image's layers", got: entry.diffId }
        : { path: "", expected: problem, got: JSON.stringify(moduleName(entry)) };
    throw new InputError("INVALID_BUILDPACK", `${source} can not be used as a package of buildpacks`, [
      { source: `${source}: ${entry.id}`, ...issue },
    ]);
  }
  const layer = await keepLayer(found, ports);
  const root = await unpackLayer(layer, moduleName(entry), ports);
  return { kind, descriptor: descriptorIn(root, entry, source, kind), layer };
}

function descriptorIn(root: string, entry: ModuleLayer, source: string, kind: ModuleKind): BuildpackDescriptor {
  const folder = moduleFolder(kind, entry.id, entry.version);
  const directory = fileInRootfs(root, folder);
  if (directory === undefined)
    throw new TspackError(
      "INVALID_BUILDPACK",
      `${source}: the layer of ${moduleName(entry)} has no directory ${folder}`,
    );
  const descriptor = readModuleDirectory(directory, kind);
  if (descriptor.id === entry.id && descriptor.version === entry.version) return descriptor;
  const issue = {
    source: join(folder, `${kind}.toml`),
    path: "id, version",
    expected: moduleName(entry),
    got: moduleName(descriptor),
  };
  throw new InputError("INVALID_BUILDPACK", `${source}: a ${kind} is not the one that the label says`, [issue]);
}
