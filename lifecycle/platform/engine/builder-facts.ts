import { platformApis } from "../../cnb/api/platform.ts";
import type { RunImageForExport } from "../../cnb/files/run-toml.ts";
import { TspackError } from "../../errors.ts";
import type { Owner } from "../../layers/place.ts";
import { type JsonReader, readJson } from "../../oci/json-reader.ts";
import { variable } from "../../oci/mutate.ts";
import type { EngineImageFacts } from "./images.ts";

/** A builder that an engine has, as its config and labels describe it. */
export interface EngineBuilder {
  /** How messages call it. */
  readonly name: string;
  /** What containers are made of. */
  readonly imageId: string;
  /** `CNB_USER_ID:CNB_GROUP_ID`. */
  readonly user: Owner;
  readonly runImages: readonly RunImageForExport[];
  /** Platform APIs that its lifecycle speaks. */
  readonly platformApis: readonly string[];
  /** Whether it has image extensions, which the creator knows nothing of. */
  readonly hasExtensions: boolean;
  readonly os: string;
  readonly architecture: string;
}

const extensionsLabel = "io.buildpacks.buildpack.order-extensions";
const metadataLabel = "io.buildpacks.builder.metadata";

/** Reads what a builder says of itself. Throws `INVALID_BUILDER`. Distribution specification, builder. */
export function builderFacts(name: string, image: EngineImageFacts): EngineBuilder {
  const label = image.labels[metadataLabel];
  if (label === undefined) {
    throw invalidBuilder(name, `it has no label ${metadataLabel}`);
  }
  const { document, reader } = readJson(Buffer.from(label), `${name}: label ${metadataLabel}`, "INVALID_BUILDER");
  const metadata = reader.object(document, "");
  const facts = {
    name,
    imageId: image.id,
    user: { uid: userId(name, image.env, "CNB_USER_ID"), gid: userId(name, image.env, "CNB_GROUP_ID") },
    runImages: runImagesOf(metadata, reader),
    platformApis: apisOf(metadata, reader),
    hasExtensions: !["", "null", "[]"].includes((image.labels[extensionsLabel] ?? "").trim()),
    os: image.os,
    architecture: image.architecture,
  };
  reader.finish(`${name} can not be used as a builder`);
  return facts;
}

/** The newest Platform API that all of them and tspack speak. Throws `INVALID_BUILDER`. */
export function commonPlatformApi(name: string, ...spoken: readonly (readonly string[])[]): string {
  const common = platformApis.filter((api) => spoken.every((apis) => apis.includes(api))).at(-1);
  if (common !== undefined) return common;
  const theirs = spoken.map((apis) => apis.join(", ")).join(" and ");
  throw invalidBuilder(name, `its lifecycle speaks Platform API ${theirs}, and tspack ${platformApis.join(", ")}`);
}

type Fields = ReturnType<JsonReader["object"]>;

function runImagesOf(metadata: Fields, reader: JsonReader): readonly RunImageForExport[] {
  const images = metadata["images"];
  if (Array.isArray(images) && images.length > 0) {
    return images.map((image, index) => runImage(reader.object(image, `images[${index}]`), `images[${index}]`, reader));
  }
  const stack = reader.object(metadata["stack"] ?? {}, "stack");
  const declared = reader.object(stack["runImage"] ?? {}, "stack.runImage");
  return (reader.optionalString(declared["image"], "stack.runImage.image") ?? "") === ""
    ? []
    : [runImage(declared, "stack.runImage", reader)];
}

function runImage(fields: Fields, path: string, reader: JsonReader): RunImageForExport {
  return {
    image: reader.string(fields["image"], `${path}.image`),
    mirrors: reader.strings(fields["mirrors"], `${path}.mirrors`) ?? [],
  };
}

function apisOf(metadata: Fields, reader: JsonReader): readonly string[] {
  const lifecycle = reader.object(metadata["lifecycle"] ?? {}, "lifecycle");
  const apis = reader.object(lifecycle["apis"] ?? {}, "lifecycle.apis");
  const platform = reader.object(apis["platform"] ?? {}, "lifecycle.apis.platform");
  const list = (name: string): readonly string[] =>
    reader.strings(platform[name], `lifecycle.apis.platform.${name}`) ?? [];
  const all = [...list("deprecated"), ...list("supported")];
  if (all.length > 0) return all;
  // Builders of old name one version only.
  const api = reader.object(lifecycle["api"] ?? {}, "lifecycle.api");
  const one = reader.optionalString(api["platform"], "lifecycle.api.platform");
  return one === undefined ? platformApis : [one];
}

function userId(name: string, env: readonly string[], variableName: string): number {
  const text = variable(env, variableName);
  if (text !== undefined && /^\d{1,10}$/.test(text)) return Number(text);
  const got = text === undefined ? "missing" : JSON.stringify(text);
  throw invalidBuilder(name, `its variable ${variableName} is ${got}, and has to be a number`);
}

function invalidBuilder(name: string, reason: string): TspackError {
  return new TspackError("INVALID_BUILDER", `${name} can not be used as a builder: ${reason}`, {
    hint: "make a builder with tspack builder create, or leave --builder out for the default one",
  });
}
