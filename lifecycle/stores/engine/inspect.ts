import type { Digest, DiffId } from "../../oci/digest.ts";
import { decodeConfig, encodeConfig, type ImageConfig } from "../../oci/image-config.ts";
import { readJson } from "../../oci/json-reader.ts";
import type { Raw } from "../../oci/raw.ts";
import type { PodmanHistory } from "./podman-history.ts";

/** What an engine tells of an image. */
export interface InspectedImage {
  /** Of the config in an engine that has no manifests, else of the manifest or index. */
  readonly id: Digest;
  /** What a request needs besides the ID when that stands for several platforms, `?platform=…`; else empty. */
  readonly query: string;
  readonly diffIds: readonly DiffId[];
  /** Put together from what the engine tells, which is everything but the bytes that it was loaded with. */
  readonly config: Raw<ImageConfig>;
}

/** The container's part of a config; the rest of what engines tell is about the container that a build once ran. */
const containerKeys: readonly string[] = [
  "Cmd", "Healthcheck", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir", "ExposedPorts",
  "StopSignal", "Shell",
]; // prettier-ignore

interface Inspected {
  readonly [key: string]: unknown;
  readonly Id?: unknown;
  readonly Config?: Readonly<Record<string, unknown>> | null;
  readonly RootFS?: { readonly Layers?: readonly unknown[] | null };
}

interface HistoryItem {
  readonly Created?: number;
  readonly CreatedBy?: string;
  readonly Comment?: string;
  readonly Size?: number;
}

/**
 * Reads the answers of `/images/NAME/json` and `/images/NAME/history`; `exact` is what Podman says
 * instead of the latter. Throws `INVALID_IMAGE`.
 */
export function readInspected(
  inspect: unknown,
  history: unknown,
  source: string,
  exact?: PodmanHistory,
): InspectedImage {
  const image = (inspect ?? {}) as Inspected;
  const layers = image.RootFS?.Layers ?? [];
  const items = Array.isArray(history) ? (history.toReversed() as readonly HistoryItem[]) : [];
  const document = {
    architecture: image["Architecture"],
    author: image["Author"],
    // Where there is no time, Podman puts the present one.
    created: exact === undefined ? time(image["Created"]) : exact.created,
    os: image["Os"],
    variant: text(image["Variant"]),
    "os.version": text(image["OsVersion"]),
    config: containerOf(image.Config ?? {}),
    history: exact?.lines ?? historyOf(items, layers.length),
    rootfs: { type: "layers", diff_ids: layers },
  };
  const config = decodeConfig(Buffer.from(JSON.stringify(document)), source).value;
  return { id: idOf(image.Id, source), query: "", diffIds: config.rootfs.diff_ids, config: encodeConfig(config) };
}

function idOf(id: unknown, source: string): Digest {
  const { reader } = readJson(Buffer.from("{}"), source, "INVALID_IMAGE");
  const digest = reader.digest(typeof id === "string" && /^[0-9a-f]{64}$/.test(id) ? `sha256:${id}` : id, "Id");
  reader.finish(`${source} has no usable ID`);
  return digest;
}

function containerOf(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(containerKeys.map((key) => [key, config[key]]));
}

/** Go writes the year 1 for a time that is not there. */
function time(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !value.startsWith("0001-") ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * Engines do not say which lines of the history made no layer. Those of size 0 did not when
 * that makes the numbers fit; else nobody knows, and the lines stay as they are.
 */
function historyOf(items: readonly HistoryItem[], layers: number): readonly object[] {
  const sized = items.filter(({ Size: size = 0 }) => size > 0).length;
  const marks = items.length !== layers && sized === layers;
  return items.map(({ Created: created, CreatedBy, Comment, Size: size = 0 }) => ({
    created: created === undefined || created < 0 ? undefined : isoSeconds(created),
    created_by: text(CreatedBy),
    comment: text(Comment),
    empty_layer: marks && size === 0 ? true : undefined,
  }));
}

function isoSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
