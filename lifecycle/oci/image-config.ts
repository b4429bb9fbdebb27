import { present } from "./descriptor.ts";
import { type DiffId, digestOf, parseDiffId } from "./digest.ts";
import { goJson, type JsonWritable, sortedMap } from "./go-json.ts";
import { type JsonObject, type JsonReader, readJson } from "./json-reader.ts";
import { type Raw, rawJson } from "./raw.ts";

/** The image config. Times are RFC 3339 text exactly as read. OCI image-spec, config. */
export interface ImageConfig {
  readonly architecture: string;
  readonly created?: string;
  readonly author?: string;
  readonly history?: readonly HistoryEntry[];
  readonly os: string;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly DiffId[] };
  readonly config?: ContainerConfig;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** One line of an image's history. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** How a container of the image starts: the config's `config` key. */
export interface ContainerConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  /** Keys of Docker's that the specification does not name (Healthcheck, OnBuild, Shell…), kept as read. */
  readonly [key: string]: unknown;
}

/** Reads an image config; `source` names it in errors. Throws `INVALID_IMAGE` with everything that is wrong. */
export function decodeConfig(bytes: Uint8Array, source: string): Raw<ImageConfig> {
  const { document, reader } = readJson(bytes, source, "INVALID_IMAGE");
  const fields = reader.object(document, "");
  const rootfs = reader.object(fields["rootfs"], "rootfs");
  const diffIds = reader.array(rootfs["diff_ids"] ?? [], "rootfs.diff_ids");
  const value: ImageConfig = {
    // A cache image has an empty architecture, and some tools leave it out.
    architecture: reader.optionalString(fields["architecture"], "architecture") ?? "",
    os: reader.optionalString(fields["os"], "os") ?? "",
    rootfs: { type: "layers", diff_ids: diffIds.map((id, index) => readDiffId(id, index, reader)) },
    ...present({
      created: reader.optionalString(fields["created"], "created"),
      author: reader.optionalString(fields["author"], "author"),
      history: readHistory(fields["history"], reader),
      config: readContainer(fields["config"], reader),
      variant: reader.optionalString(fields["variant"], "variant"),
      "os.version": reader.optionalString(fields["os.version"], "os.version"),
      "os.features": reader.strings(fields["os.features"], "os.features"),
    }),
  };
  reader.finish(`${source} is not a valid image config`);
  return { value, bytes, digest: digestOf(bytes) };
}

function readDiffId(value: unknown, index: number, reader: JsonReader): DiffId {
  try {
    return parseDiffId(value as string);
  } catch {
    reader.issue(`rootfs.diff_ids[${index}]`, '"sha256:" and 64 lower-case hexadecimal digits', value);
    return "" as DiffId;
  }
}

function readHistory(value: unknown, reader: JsonReader): readonly HistoryEntry[] | undefined {
  if (value === undefined || value === null) return undefined;
  return reader.array(value, "history").map((item, index) => {
    const path = `history[${index}]`;
    const fields = reader.object(item, path);
    return present({
      author: reader.optionalString(fields["author"], `${path}.author`),
      created: reader.optionalString(fields["created"], `${path}.created`),
      created_by: reader.optionalString(fields["created_by"], `${path}.created_by`),
      comment: reader.optionalString(fields["comment"], `${path}.comment`),
      empty_layer: fields["empty_layer"] === true ? true : undefined,
    });
  });
}

function readContainer(value: unknown, reader: JsonReader): ContainerConfig | undefined {
  if (value === undefined || value === null) return undefined;
  const fields: JsonObject = reader.object(value, "config");
  reader.optionalString(fields["User"], "config.User");
  reader.optionalString(fields["WorkingDir"], "config.WorkingDir");
  for (const key of ["Env", "Entrypoint", "Cmd"]) reader.strings(fields[key], `config.${key}`);
  reader.stringMap(fields["Labels"], "config.Labels");
  const kept = Object.entries(fields).filter(([, field]) => field !== null);
  return Object.fromEntries(kept);
}

/** The reference's order of keys inside `config`; each is left out when empty, as Go does. */
const containerKeys: readonly string[] = [
  "AttachStderr", "AttachStdin", "AttachStdout", "Cmd", "Healthcheck", "Domainname", "Entrypoint", "Env",
  "Hostname", "Image", "Labels", "OnBuild", "OpenStdin", "StdinOnce", "Tty", "User", "Volumes", "WorkingDir",
  "ExposedPorts", "ArgsEscaped", "NetworkDisabled", "MacAddress", "StopSignal", "Shell",
]; // prettier-ignore

/** Writes a config in the reference's order of keys. */
export function encodeConfig(config: ImageConfig): Raw<ImageConfig> {
  const text = goJson({
    architecture: config.architecture,
    author: nonEmpty(config.author),
    created: config.created,
    history: config.history === undefined || config.history.length === 0 ? undefined : config.history.map(writeHistory),
    os: config.os,
    rootfs: { type: "layers", diff_ids: config.rootfs.diff_ids },
    config: writeContainer(config.config ?? {}),
    "os.version": nonEmpty(config["os.version"]),
    variant: nonEmpty(config.variant),
    "os.features": config["os.features"],
  });
  return rawJson(config, text);
}

function writeHistory(entry: HistoryEntry): JsonWritable {
  return {
    author: nonEmpty(entry.author),
    created: entry.created,
    created_by: nonEmpty(entry.created_by),
    comment: nonEmpty(entry.comment),
    empty_layer: entry.empty_layer === true ? true : undefined,
  };
}

function writeContainer(config: ContainerConfig): JsonWritable {
  const unknownKeys = Object.keys(config).filter((key) => !containerKeys.includes(key));
  const keys = [...containerKeys, ...unknownKeys].filter((key) => !isEmpty(config[key]));
  return new Map(keys.map((key) => [key, writeContainerField(key, config[key])]));
}

function writeContainerField(key: string, value: unknown): JsonWritable {
  const isMap = key === "Labels" || key === "Volumes" || key === "ExposedPorts";
  return isMap ? sortedMap(value as Readonly<Record<string, JsonWritable>>) : (value as JsonWritable);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
