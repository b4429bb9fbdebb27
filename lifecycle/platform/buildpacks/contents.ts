import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBuildpackToml } from "../../cnb/files/buildpack-toml.ts";
import { decodeOrder, type OrderFile } from "../../cnb/files/group.ts";
import { decodeToml } from "../../decode.ts";
import { parseToml, type TomlDocument } from "../../toml.ts";
import { fileInRootfs } from "../rootfs-files.ts";
import { descriptorFile, moduleFolder, type ModuleKind } from "./module.ts";

/** A buildpack or extension that a builder has. */
export interface BuilderModule {
  readonly id: string;
  readonly version: string;
  /** Its directory in the unpacked builder. */
  readonly directory: string;
}

/** What a builder brings along, as far as choosing buildpacks needs it. */
export interface BuilderContents {
  /** How messages call the builder. */
  readonly name: string;
  readonly buildpacks: readonly BuilderModule[];
  readonly extensions: readonly BuilderModule[];
  readonly order: OrderFile;
  readonly hasSystem: boolean;
  /** The Buildpack APIs of its lifecycle; empty when it does not say. */
  readonly buildpackApis: readonly string[];
}

/** Reads an unpacked builder. Throws `INVALID_TOML`, `INVALID_ORDER`, `INVALID_BUILDER`, `INVALID_BUILDPACK`. */
export function builderContents({ name, rootfs }: { readonly name: string; readonly rootfs: string }): BuilderContents {
  const read = (path: string): TomlDocument | undefined => {
    const file = fileInRootfs(rootfs, path);
    return file === undefined ? undefined : parseToml(readFileSync(file), `${name}:${path}`);
  };
  const [order, lifecycle] = [read("/cnb/order.toml"), read("/cnb/lifecycle/lifecycle.toml")];
  return {
    name,
    buildpacks: modulesIn(rootfs, "buildpack"),
    extensions: modulesIn(rootfs, "extension"),
    order: order === undefined ? { order: [], orderExtensions: [] } : decodeOrder(order),
    hasSystem: fileInRootfs(rootfs, "/cnb/system.toml") !== undefined,
    buildpackApis: lifecycle === undefined ? [] : readApis(lifecycle),
  };
}

function readApis(document: TomlDocument): readonly string[] {
  return decodeToml(document, { code: "INVALID_BUILDER" }, (root) => {
    const apis = root.subTable("apis").subTable("buildpack");
    return [...(apis.strings("deprecated") ?? []), ...(apis.strings("supported") ?? [])];
  });
}

/** Two levels of real directories: a link of the image would lead to this machine's own files. */
function modulesIn(rootfs: string, kind: ModuleKind): readonly BuilderModule[] {
  const top = fileInRootfs(rootfs, join(moduleFolder(kind, "x", "1"), "../.."));
  if (top === undefined) return [];
  return directoriesIn(top)
    .flatMap((id) => directoriesIn(join(top, id)).map((version) => join(top, id, version)))
    .flatMap((directory) => {
      const file = join(directory, descriptorFile(kind));
      if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return [];
      const { id, version } = decodeBuildpackToml(parseToml(readFileSync(file), file), directory);
      return [{ id, version, directory }];
    });
}

function directoriesIn(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
