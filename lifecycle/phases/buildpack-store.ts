import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BuildpackDescriptor, decodeBuildpackToml } from "../cnb/files/buildpack-toml.ts";
import { elementName, type GroupElement } from "../cnb/files/group.ts";
import { buildpackIdProblem, escapeId, versionProblem } from "../cnb/ids.ts";
import { type BuildpackFeatures, buildpackFeatures } from "../cnb/api/buildpack.ts";
import { linuxTarget } from "../cnb/target.ts";
import { InputError, TspackError } from "../errors.ts";
import { readTomlFile } from "./files.ts";
import { reasonOf } from "./reason.ts";

/** Finds buildpacks and extensions by id and version. */
export interface BuildpackStore {
  /** Throws `FILE_NOT_FOUND`, `INVALID_TOML`, `INVALID_BUILDPACK` with the reference's text. */
  lookup(element: ElementName): BuildpackDescriptor;
}

/** What a descriptor is found by. */
export type ElementName = Pick<GroupElement, "id" | "version" | "extension">;

/**
 * The buildpacks of a builder, `<dir>/<escaped id>/<version>/buildpack.toml`, and its extensions
 * beside them. Each is read once. Platform specification, "Buildpacks Directory Layout".
 */
export function buildpackStore(buildpacksDir: string, extensionsDir?: string): BuildpackStore {
  const known = new Map<string, BuildpackDescriptor>();
  return {
    lookup: (element) => {
      const name = `${element.extension === true ? "extension" : "buildpack"} ${elementName(element)}`;
      const descriptor = known.get(name) ?? read(element, element.extension === true ? extensionsDir : buildpacksDir);
      known.set(name, descriptor);
      return descriptor;
    },
  };
}

/** The features of a descriptor's API. Throws `BUILDPACK_API_UNSUPPORTED`. */
export function featuresOf({ api, kind, id, version }: BuildpackDescriptor): BuildpackFeatures {
  return buildpackFeatures(api, { kind: kind === "extension" ? "Extension" : "Buildpack", name: `${id}@${version}` });
}

/** Checks the APIs of a group that an earlier phase wrote. Throws `BUILDPACK_API_UNSUPPORTED`. */
export function checkGroupApis(group: readonly GroupElement[]): void {
  for (const element of group) {
    const kind = element.extension === true ? "Extension" : "Buildpack";
    buildpackFeatures(element.api ?? "", { kind, name: elementName(element) });
  }
}

function read(element: ElementName, directory: string | undefined): BuildpackDescriptor {
  const { id, version } = element;
  checkName(id, version);
  if (directory === undefined) {
    throw new TspackError("FILE_NOT_FOUND", "missing extensions directory", {
      hint: `the order names ${elementName(element)}`,
    });
  }
  const rootDir = resolve(directory, escapeId(id), version);
  const path = join(rootDir, element.extension === true ? "extension.toml" : "buildpack.toml");
  try {
    return withInferredTargets(decodeBuildpackToml(readTomlFile(path), rootDir));
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    throw new TspackError(cause.code, reasonOf(cause), { cause, hint: cause.hint ?? hintFor(cause, element) });
  }
}

function hintFor({ code }: TspackError, element: ElementName): string | undefined {
  if (code !== "FILE_NOT_FOUND") return undefined;
  return `the order or the group names ${elementName(element)}, which the builder does not have`;
}

/**
 * Checks the ids of a group that was read from a file: they become names of directories, and buildpacks
 * may have written the file. Throws `INVALID_GROUP`.
 */
export function checkGroupIds(group: readonly GroupElement[]): void {
  const problems = group.flatMap(({ id }) => {
    const expected = buildpackIdProblem(id);
    return expected === undefined ? [] : [{ source: "group", path: "id", expected, got: JSON.stringify(id) }];
  });
  if (problems.length > 0)
    throw new InputError("INVALID_GROUP", "the group names what no buildpack can be called", problems);
}

/** Both become names of directories, so neither may lead elsewhere. */
function checkName(id: string, version: string): void {
  const problems = [
    { path: "id", got: id, expected: buildpackIdProblem(id) },
    { path: "version", got: version, expected: versionProblem(version) },
  ].flatMap(({ path, got, expected }) =>
    expected === undefined ? [] : [{ source: "group", path, expected, got: JSON.stringify(got) }],
  );
  if (problems.length > 0) {
    throw new InputError("INVALID_ORDER", `${id}@${version} is no name of a buildpack`, problems);
  }
}

/** One that says nothing about targets but has executables is for Linux. Buildpack specification, "Targets". */
function withInferredTargets(descriptor: BuildpackDescriptor): BuildpackDescriptor {
  const executables = descriptor.kind === "extension" ? ["detect", "generate"] : ["build"];
  const has = (name: string): boolean => existsSync(join(descriptor.rootDir, "bin", name));
  return descriptor.targets.length > 0 || !executables.some(has)
    ? descriptor
    : { ...descriptor, targets: [linuxTarget] };
}
