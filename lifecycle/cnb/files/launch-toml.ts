import { decodeToml, type TableReader } from "../../decode.ts";
import { InputError } from "../../errors.ts";
import type { TomlDocument } from "../../toml.ts";
import type { BuildpackFeatures } from "../api/buildpack.ts";
import { type BomEntry, readBom } from "./bom.ts";

export type { BomEntry } from "./bom.ts";

/** A process as one buildpack declared it in `launch.toml`. */
export interface LaunchProcess {
  readonly type: string;
  /** One element below Buildpack API 0.9; the first is the program. */
  readonly command: readonly string[];
  readonly args: readonly string[] | undefined;
  readonly direct: boolean;
  readonly default: boolean;
  readonly workingDirectory: string;
  /** Empty: all execution environments. */
  readonly execEnv: readonly string[];
}

/** A process of the image, with the buildpack that declared it: `metadata.toml` and the build label. */
export interface Process extends LaunchProcess {
  readonly buildpackId: string;
}

/** Paths of the application that get a layer of their own. */
export interface Slice {
  readonly paths: readonly string[];
}

/** A label that a buildpack sets on the image. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** `launch.toml`. Buildpack specification. */
export interface LaunchToml {
  readonly processes: readonly LaunchProcess[];
  readonly slices: readonly Slice[];
  readonly labels: readonly Label[];
  /** Buildpack API below 0.9 only. */
  readonly bom: readonly BomEntry[];
}

/** A buildpack that wrote no `launch.toml`. */
export const noLaunchToml: LaunchToml = { processes: [], slices: [], labels: [], bom: [] };

/**
 * Reads `launch.toml` of a buildpack, whose API decides the form of `command`. Throws `INVALID_LAYER`;
 * messages about `direct` and about two defaults are the reference's.
 */
export function decodeLaunchToml(
  document: TomlDocument,
  features: BuildpackFeatures,
  buildpack: BomEntry["buildpack"],
): LaunchToml {
  const launch = decodeToml(document, { code: "INVALID_LAYER" }, (root) => {
    const processes = root.tables("processes");
    if (features.commandArray && processes.some((process) => process.has("direct"))) throw directIsGone(document);
    return {
      processes: processes.map((process) => readProcess(process, features)),
      slices: root.tables("slices").map((slice) => ({ paths: slice.strings("paths") ?? [] })),
      labels: root.tables("labels").map((label) => ({
        key: label.string("key") ?? "",
        value: label.string("value") ?? "",
      })),
      bom: readBom(root, buildpack),
    };
  });
  if (launch.processes.filter((process) => process.default).length > 1) throw twoDefaults(document);
  return launch;
}

function readProcess(process: TableReader, features: BuildpackFeatures): LaunchProcess {
  const workingDirectory = process.string("working-dir") ?? "";
  const execEnv = process.strings("exec-env") ?? [];
  return {
    type: process.string("type") ?? "",
    command: readCommand(process, features),
    args: process.strings("args"),
    direct: features.commandArray || (process.boolean("direct") ?? false),
    default: process.boolean("default") ?? false,
    workingDirectory: features.workingDirectory ? workingDirectory : "",
    execEnv,
  };
}

function readCommand(process: TableReader, features: BuildpackFeatures): readonly string[] {
  if (features.commandArray) return process.strings("command") ?? [];
  if (!process.has("command")) process.issue("command", "a string");
  return [process.string("command") ?? ""];
}

/** The types of processes whose working directory is ignored, because their Buildpack API has none. */
export function ignoredWorkingDirectories(document: TomlDocument, features: BuildpackFeatures): readonly string[] {
  if (features.workingDirectory) return [];
  return decodeToml(document, { code: "INVALID_LAYER" }, (root) =>
    root
      .tables("processes")
      .filter((process) => (process.string("working-dir") ?? "") !== "")
      .map((process) => process.string("type") ?? ""),
  );
}

function directIsGone({ source }: TomlDocument): InputError {
  const issue = { source, path: "processes.direct", expected: "no such key", got: "direct" };
  return new InputError("INVALID_LAYER", "process.direct is not supported on this buildpack version", [issue], {
    hint: 'every process is direct since Buildpack API 0.9; for a shell write command = ["bash", "-c", ...]',
  });
}

function twoDefaults({ source }: TomlDocument): InputError {
  const issue = { source, path: "processes", expected: "one process with default = true", got: "several" };
  return new InputError("INVALID_LAYER", "multiple default process types aren't allowed", [issue]);
}
