import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, type TomlOutput, TomlRaw, writeToml } from "../../toml.ts";
import type { PlatformFeatures } from "../api/platform.ts";
import { goJsonString } from "../go-json.ts";
import { type BomEntry, bomFields, readBom } from "./bom.ts";
import { elementFields, type GroupElement, nonEmpty, plainExtension, readElement, someTables } from "./group.ts";
import type { Label, Process, Slice } from "./launch-toml.ts";

/** What build hands to export: `<layers>/config/metadata.toml`. Platform specification. */
export interface BuildMetadata {
  readonly buildpacks: readonly GroupElement[];
  readonly extensions: readonly GroupElement[];
  readonly processes: readonly Process[];
  readonly slices: readonly Slice[];
  readonly labels: readonly Label[];
  readonly buildpackDefaultProcessType: string | undefined;
  /** Platform API below 0.9. */
  readonly bom: readonly BomEntry[];
}

/** Reads `metadata.toml`, with `command` as a string or as an array. Throws `INVALID_TOML` with the fields. */
export function decodeBuildMetadata(document: TomlDocument): BuildMetadata {
  return decodeToml(document, { code: "INVALID_TOML" }, (root) => ({
    buildpacks: root.tables("buildpacks").map(readElement),
    extensions: root.tables("extensions").map(readElement),
    processes: root.tables("processes").map(readProcess),
    slices: root.tables("slices").map((slice) => ({ paths: slice.strings("paths") ?? [] })),
    labels: root
      .tables("labels")
      .map((label) => ({ key: label.string("key") ?? "", value: label.string("value") ?? "" })),
    buildpackDefaultProcessType: root.string("buildpack-default-process-type"),
    bom: readBom(root, undefined),
  }));
}

function readProcess(reader: TableReader): Process {
  return {
    type: reader.string("type") ?? "",
    command: Array.isArray(reader.raw("command")) ? (reader.strings("command") ?? []) : oneString(reader),
    args: reader.strings("args"),
    direct: reader.boolean("direct") ?? false,
    default: reader.boolean("default") ?? false,
    buildpackId: reader.string("buildpack-id") ?? "",
    workingDirectory: reader.string("working-dir") ?? "",
    execEnv: reader.strings("exec-env") ?? [],
  };
}

function oneString(reader: TableReader): readonly string[] {
  const command = reader.string("command");
  return command === undefined ? [] : [command];
}

/** Writes `metadata.toml` for the Platform API of `features`. */
export function encodeBuildMetadata(metadata: BuildMetadata, features: PlatformFeatures): string {
  return writeToml(
    fields({
      bom: features.reportBom ? someTables(metadata.bom.map(bomFields)) : undefined,
      buildpacks: someTables(metadata.buildpacks.map(elementFields)),
      extensions: someTables(metadata.extensions.map(plainExtension).map(elementFields)),
      labels: someTables(metadata.labels.map(({ key, value }) => fields({ key, value }))),
      processes: metadata.processes.map((process) => processFields(atPlatformApi(process, features), features)),
      slices: someTables(metadata.slices.map(({ paths }) => fields({ paths }))),
      "buildpack-default-process-type": nonEmpty(metadata.buildpackDefaultProcessType),
    }),
  );
}

/** Below Platform API 0.10 a command is one word: the others go before the arguments, which then are never absent. */
export function atPlatformApi<T extends Process>(process: T, { commandArray }: PlatformFeatures): T {
  const [program, ...rest] = process.command;
  if (commandArray || program === undefined) return process;
  return { ...process, command: [program], args: [...rest, ...(process.args ?? [])] };
}

function processFields(process: Process, { commandArray }: PlatformFeatures): TomlOutput {
  // The reference writes this key with its JSON encoder, which escapes more than TOML asks for.
  const words = process.command.map(goJsonString);
  return fields({
    type: process.type,
    command: new TomlRaw(commandArray ? `[${words.join(", ")}]` : (words[0] ?? '""')),
    args: process.args,
    direct: process.direct,
    default: process.default ? true : undefined,
    "buildpack-id": process.buildpackId,
    "working-dir": nonEmpty(process.workingDirectory),
    "exec-env": someTables(process.execEnv),
  });
}
