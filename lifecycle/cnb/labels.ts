import { decode, parseJson, type TableReader } from "../decode.ts";
import type { TomlTable } from "../toml.ts";
import type { PlatformFeatures } from "./api/platform.ts";
import { bomJson, readBom } from "./files/bom.ts";
import { type GroupElement, nonEmpty, readElement } from "./files/group.ts";
import type { Process } from "./files/launch-toml.ts";
import { atPlatformApi, type BuildMetadata } from "./files/metadata-toml.ts";
import type { ProjectMetadata } from "./files/project-metadata.ts";
import { freeJson, goJson, type JsonOutput } from "./go-json.ts";

/** The labels that the specification and the reference know. */
export const labelNames = {
  lifecycleMetadata: "io.buildpacks.lifecycle.metadata",
  buildMetadata: "io.buildpacks.build.metadata",
  projectMetadata: "io.buildpacks.project.metadata",
  execEnv: "io.buildpacks.exec-env",
  rebasable: "io.buildpacks.rebasable",
  stackId: "io.buildpacks.stack.id",
  mixins: "io.buildpacks.stack.mixins",
  baseId: "io.buildpacks.base.id",
  distroName: "io.buildpacks.base.distro.name",
  distroVersion: "io.buildpacks.base.distro.version",
  cacheMetadata: "io.buildpacks.lifecycle.cache.metadata",
} as const;

/** Which lifecycle built an image. */
export interface LauncherVersion {
  readonly version: string;
  readonly repository: string;
  readonly commit: string;
}

/** The text of the label `io.buildpacks.build.metadata`. */
export function encodeBuildLabel(
  metadata: BuildMetadata,
  launcher: LauncherVersion,
  features: PlatformFeatures,
): string {
  const { version, repository, commit } = launcher;
  return goJson({
    bom: features.reportBom ? bomJson(metadata.bom) : undefined,
    buildpacks: metadata.buildpacks.map(elementJson),
    extensions: metadata.extensions.length === 0 ? undefined : metadata.extensions.map(elementJson),
    launcher: { version, source: { git: { repository, commit } } },
    processes: metadata.processes.map((process) => processJson(atPlatformApi(process, features), features)),
    "buildpack-default-process-type": nonEmpty(metadata.buildpackDefaultProcessType),
  });
}

function elementJson({ id, version, homepage }: GroupElement): JsonOutput {
  return { id, version, homepage: nonEmpty(homepage) };
}

function processJson(process: Process, { commandArray }: PlatformFeatures): JsonOutput {
  return {
    type: process.type,
    command: commandArray ? process.command : (process.command[0] ?? ""),
    args: process.args ?? null,
    direct: process.direct,
    default: process.default ? true : undefined,
    buildpackID: process.buildpackId,
    "working-dir": nonEmpty(process.workingDirectory),
    "exec-env": process.execEnv.length === 0 ? undefined : process.execEnv,
  };
}

/** What the build label tells about an image, for `inspect` and for rebuilds. */
export interface BuildLabel extends Omit<BuildMetadata, "labels" | "slices"> {
  readonly launcher: LauncherVersion;
}

/** Reads the label `io.buildpacks.build.metadata`, also one of another lifecycle. Throws `INVALID_JSON`. */
export function decodeBuildLabel(label: string, source = `label ${labelNames.buildMetadata}`): BuildLabel {
  return decode(parseJson(label, source), { code: "INVALID_JSON", source }, (root) => {
    const launcher = root.subTable("launcher");
    const git = launcher.subTable("source").subTable("git");
    return {
      bom: readBom(root, undefined),
      buildpacks: root.tables("buildpacks").map(readElement),
      extensions: root.tables("extensions").map(readElement),
      launcher: {
        version: launcher.string("version") ?? "",
        repository: git.string("repository") ?? "",
        commit: git.string("commit") ?? "",
      },
      processes: root.tables("processes").map(readProcess),
      buildpackDefaultProcessType: root.string("buildpack-default-process-type"),
    };
  });
}

function readProcess(reader: TableReader): Process {
  const isArray = Array.isArray(reader.raw("command"));
  return {
    type: reader.string("type") ?? "",
    command: isArray ? (reader.strings("command") ?? []) : [reader.string("command") ?? ""],
    args: reader.strings("args"),
    direct: reader.boolean("direct") ?? false,
    default: reader.boolean("default") ?? false,
    buildpackId: reader.string("buildpackID") ?? "",
    workingDirectory: reader.string("working-dir") ?? "",
    execEnv: reader.strings("exec-env") ?? [],
  };
}

/** The text of the label `io.buildpacks.project.metadata`: `{}` without a file. */
export function encodeProjectLabel(project: ProjectMetadata | undefined): string {
  if (project?.source === undefined) return "{}";
  const { type, version, metadata } = project.source;
  return goJson({ source: { type: nonEmpty(type), version: map(version), metadata: map(metadata) } });
}

function map(table: TomlTable | undefined): JsonOutput | undefined {
  return table === undefined || Object.keys(table).length === 0 ? undefined : freeJson(table);
}
