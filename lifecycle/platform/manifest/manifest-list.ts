import { decode, parseJson, type TableReader } from "../../decode.ts";
import { InputError, TspackError } from "../../errors.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { encodeIndex, type Index } from "../../oci/manifest.ts";
import { dockerTypes, type ManifestFormat, ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";

/** One image of a manifest list. */
export interface ListEntry {
  /** The full name that it was added by, without digest: where it is copied from. */
  readonly name: string;
  /** Which store has it. */
  readonly from: "registry" | "local";
  readonly digest: Digest;
  /** Bytes of its manifest. */
  readonly size: number;
  readonly mediaType: string;
  readonly platform: Pick<Platform, "os" | "architecture" | "variant" | "os.version">;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Images for several platforms that get one name. OCI image-spec, index. */
export interface ManifestList {
  /** The full name, `index.docker.io/library/hello:latest`. */
  readonly name: string;
  readonly format: ManifestFormat;
  readonly entries: readonly ListEntry[];
}

/** What an entry is changed to; what is undefined stays. */
export interface EntryChanges {
  readonly os?: string | undefined;
  readonly arch?: string | undefined;
  readonly variant?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The list with further images; the same image again replaces what was known of it. */
export function withEntries(list: ManifestList, added: readonly ListEntry[]): ManifestList {
  const digests = new Set(added.map(({ digest }) => digest));
  return { ...list, entries: [...list.entries.filter(({ digest }) => !digests.has(digest)), ...added] };
}

/** The list without an entry. */
export function withoutEntry(list: ManifestList, gone: ListEntry): ManifestList {
  return { ...list, entries: list.entries.filter((entry) => entry !== gone) };
}

/** The list with an entry changed. */
export function withChanges(list: ManifestList, target: ListEntry, changes: EntryChanges): ManifestList {
  const { os, arch, variant, annotations } = changes;
  const { platform } = target;
  const changed: ListEntry = {
    ...target,
    platform: {
      ...platform,
      ...(os === undefined ? {} : { os }),
      ...(arch === undefined ? {} : { architecture: arch }),
      ...(variant === undefined ? {} : { variant }),
    },
    annotations: { ...target.annotations, ...annotations },
  };
  return { ...list, entries: list.entries.map((entry) => (entry === target ? changed : entry)) };
}

/** The entry that a full name or a digest means. Throws `IMAGE_NOT_FOUND`, which lists what there is. */
export function findEntry(list: ManifestList, name: string, digest: Digest | undefined): ListEntry {
  const found = list.entries.filter((entry) => (digest === undefined ? entry.name === name : entry.digest === digest));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const shown = (found.length === 0 ? list.entries : found).map((entry) => `${entry.name}@${entry.digest}`);
  const what = found.length === 0 ? "no image" : `${found.length} images`;
  throw new TspackError("IMAGE_NOT_FOUND", `${list.name} has ${what} ${digest ?? name}`, {
    hint: shown.length === 0 ? "tspack manifest add adds one" : `name one of ${shown.join(", ")}`,
  });
}

/**
 * The index of a list. Throws `INVALID_ARGUMENTS` for what readers could not tell apart: two images for
 * one platform, an image for none, annotations in Docker's form.
 */
export function indexOf(list: ManifestList, format: ManifestFormat = list.format): Raw<Index> {
  const issues = list.entries.flatMap((entry, index) => problemsOf(entry, list.entries.slice(0, index), format));
  if (list.entries.length === 0) issues.push({ path: "", expected: "at least one image", got: "none" });
  if (issues.length > 0) {
    const all = issues.map((issue) => ({ source: list.name, ...issue }));
    throw new InputError("INVALID_ARGUMENTS", `${list.name} can not become an index`, all, {
      hint: "tspack manifest annotate and remove change its images",
    });
  }
  const manifests = list.entries.map(({ mediaType, digest, size, platform, annotations }): Descriptor => {
    const noted = Object.keys(annotations).length > 0 ? { annotations } : {};
    return { mediaType, digest, size, platform, ...noted };
  });
  const mediaType = format === "docker" ? dockerTypes.index : ociTypes.index;
  return encodeIndex({ schemaVersion: 2, mediaType, manifests });
}

function problemsOf(entry: ListEntry, before: readonly ListEntry[], format: ManifestFormat) {
  const own = platformText(entry);
  const path = `${entry.name}@${entry.digest}`;
  const { os, architecture } = entry.platform;
  const twin = before.find((other) => platformText(other) === own);
  return [
    ...(os === "" || architecture === ""
      ? [{ path, expected: "an operating system and an architecture", got: own }]
      : []),
    ...(twin === undefined ? [] : [{ path, expected: `another platform than ${twin.name}`, got: own }]),
    ...(format === "docker" && Object.keys(entry.annotations).length > 0
      ? [
          {
            path,
            expected: "no annotations, which only the format oci has",
            got: Object.keys(entry.annotations).join(", "),
          },
        ]
      : []),
  ];
}

function platformText({ platform }: ListEntry): string {
  const parts = [platform.os, platform.architecture, platform.variant ?? "", platform["os.version"] ?? ""];
  return parts.join("/").replace(/\/+$/, "");
}

/** The text of a list's file. */
export function encodeList(list: ManifestList): string {
  return `${JSON.stringify({ version: 1, ...list }, undefined, 2)}\n`;
}

/** Reads a list's file. Throws `INVALID_JSON` with the fields. */
export function decodeList(text: string, source: string): ManifestList {
  return decode(parseJson(text, source), { code: "INVALID_JSON", source }, (root) => ({
    name: root.string("name") ?? "",
    format: root.string("format") === "docker" ? "docker" : "oci",
    entries: root.tables("entries").map((entry): ListEntry => {
      const platform = entry.subTable("platform");
      const [variant, osVersion] = [platform.string("variant"), platform.string("os.version")];
      return {
        name: entry.string("name") ?? "",
        from: entry.string("from") === "local" ? "local" : "registry",
        digest: parseDigest(entry.string("digest") ?? ""),
        size: entry.integer("size") ?? 0,
        mediaType: entry.string("mediaType") ?? "",
        platform: {
          os: platform.string("os") ?? "",
          architecture: platform.string("architecture") ?? "",
          ...(variant === undefined ? {} : { variant }),
          ...(osVersion === undefined ? {} : { "os.version": osVersion }),
        },
        annotations: readTexts(entry.subTable("annotations")),
      };
    }),
  }));
}

function readTexts(reader: TableReader): Readonly<Record<string, string>> {
  return Object.fromEntries(reader.keys().map((key) => [key, reader.string(key) ?? ""]));
}
