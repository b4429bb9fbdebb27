import type { Digest } from "./digest.ts";
import { type JsonWritable, sortedMap } from "./go-json.ts";
import type { JsonReader } from "./json-reader.ts";

/** Points to a blob: its type, digest and size. OCI image-spec, descriptor. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes as stored. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** The operating system and processor that an image is for. OCI image-spec, index. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** Reads a descriptor; what is wrong goes to the reader. */
export function readDescriptor(value: unknown, path: string, reader: JsonReader): Descriptor {
  const fields = reader.object(value, path);
  const platform = fields["platform"] === undefined ? undefined : readPlatform(fields["platform"], path, reader);
  const optional = {
    annotations: reader.stringMap(fields["annotations"], `${path}.annotations`),
    urls: reader.strings(fields["urls"], `${path}.urls`),
    platform,
    artifactType: reader.optionalString(fields["artifactType"], `${path}.artifactType`),
  };
  return {
    mediaType: reader.string(fields["mediaType"], `${path}.mediaType`),
    digest: reader.digest(fields["digest"], `${path}.digest`),
    size: reader.size(fields["size"], `${path}.size`),
    ...present(optional),
  };
}

function readPlatform(value: unknown, parent: string, reader: JsonReader): Platform {
  const path = `${parent}.platform`;
  const fields = reader.object(value, path);
  return {
    os: reader.optionalString(fields["os"], `${path}.os`) ?? "",
    architecture: reader.optionalString(fields["architecture"], `${path}.architecture`) ?? "",
    ...present({
      variant: reader.optionalString(fields["variant"], `${path}.variant`),
      "os.version": reader.optionalString(fields["os.version"], `${path}.os.version`),
      "os.features": reader.strings(fields["os.features"], `${path}.os.features`),
    }),
  };
}

/** Without the fields that are undefined, so that two equal descriptors are deeply equal. */
export function present<T extends object>(fields: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { readonly [K in keyof T]?: NonNullable<T[K]> };
}

/** A descriptor with its keys in the order in which the reference writes them. */
export function writableDescriptor(descriptor: Descriptor): JsonWritable {
  const { mediaType, size, digest, urls, annotations, platform, artifactType } = descriptor;
  return {
    mediaType,
    size,
    digest,
    urls,
    annotations: annotations === undefined ? undefined : sortedMap(annotations),
    platform: platform === undefined ? undefined : writablePlatform(platform),
    artifactType,
  };
}

function writablePlatform(platform: Platform): JsonWritable {
  return {
    architecture: platform.architecture,
    os: platform.os,
    "os.version": platform["os.version"],
    "os.features": platform["os.features"],
    variant: platform.variant,
  };
}
