import {
  decodeModuleLayers,
  decodeOrderLabel,
  moduleLabels,
  type ModuleInfo,
  readModuleInfo,
} from "../../cnb/module-labels.ts";
import { decode, parseJson, type TableReader } from "../../decode.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { type DetectionEntry, detectionOrder } from "./detection-order.ts";

/** Versions of an API. */
export interface ApiVersions {
  readonly deprecated: readonly string[];
  readonly supported: readonly string[];
}

/** What a builder's labels tell, in the form in which the ecosystem's `builder inspect` prints it. */
export interface BuilderInfo {
  readonly description?: string | undefined;
  readonly created_by: { readonly name: string; readonly version: string };
  readonly stack?: { readonly id: string } | undefined;
  readonly lifecycle: {
    readonly version: string;
    readonly buildpack_apis: ApiVersions;
    readonly platform_apis: ApiVersions;
  };
  readonly run_images: readonly { readonly name: string; readonly user_configured?: true }[];
  readonly buildpacks: readonly ModuleInfo[];
  readonly detection_order: readonly DetectionEntry[];
  readonly extensions?: readonly ModuleInfo[] | undefined;
  readonly order_extensions?: readonly DetectionEntry[] | undefined;
}

/**
 * Reads what a builder says of itself; `depth` limits how far composites are unfolded. Only the
 * config is read. Throws `INVALID_BUILDER` for an image that is none, `INVALID_JSON`.
 */
export async function inspectBuilderImage(image: Image, name: string, depth: number | undefined): Promise<BuilderInfo> {
  const labels = (await image.config()).value.config?.Labels ?? {};
  const label = labels[moduleLabels.builderMetadata];
  if (label === undefined) {
    throw new TspackError("INVALID_BUILDER", `${name} is no builder: it has no label ${moduleLabels.builderMetadata}`, {
      hint: "tspack inspect shows images of applications, tspack buildpack inspect packages of buildpacks",
    });
  }
  const layers = decodeModuleLayers(labels[moduleLabels.buildpackLayers], `${name}: ${moduleLabels.buildpackLayers}`);
  const order = decodeOrderLabel(labels[moduleLabels.order], `${name}: ${moduleLabels.order}`);
  const orderExtensions = decodeOrderLabel(
    labels[moduleLabels.orderExtensions],
    `${name}: ${moduleLabels.orderExtensions}`,
  );
  const stackId = labels["io.buildpacks.stack.id"];
  const { description, created_by, lifecycle, run_images, buildpacks, extensions } = readMetadata(
    label,
    `${name}: ${moduleLabels.builderMetadata}`,
  );
  return {
    ...(description === undefined ? {} : { description }),
    created_by,
    ...(stackId === undefined || stackId === "" ? {} : { stack: { id: stackId } }),
    lifecycle,
    run_images,
    buildpacks,
    detection_order: detectionOrder(order, layers, depth),
    ...(extensions.length === 0 ? {} : { extensions }),
    ...(orderExtensions.length === 0
      ? {}
      : {
          order_extensions: orderExtensions.flatMap(({ group }) => group.map(({ id, version }) => ({ id, version }))),
        }),
  };
}

type Metadata = Omit<BuilderInfo, "stack" | "detection_order" | "order_extensions" | "extensions"> & {
  readonly extensions: readonly ModuleInfo[];
};

function readMetadata(label: string, source: string): Metadata {
  return decode(parseJson(label, source), { code: "INVALID_JSON", source }, (root) => {
    const [lifecycle, creator] = [root.subTable("lifecycle"), root.subTable("createdBy")];
    const description = root.string("description") ?? "";
    return {
      ...(description === "" ? {} : { description }),
      created_by: { name: creator.string("name") ?? "", version: creator.string("version") ?? "" },
      lifecycle: {
        version: lifecycle.string("version") ?? "",
        buildpack_apis: readApis(lifecycle, "buildpack"),
        platform_apis: readApis(lifecycle, "platform"),
      },
      run_images: readRunImages(root).map((name) => ({ name })),
      buildpacks: distinct(root.tables("buildpacks").map(readModuleInfo)),
      extensions: distinct(root.tables("extensions").map(readModuleInfo)),
    };
  });
}

function readApis(lifecycle: TableReader, name: string): ApiVersions {
  const versions = lifecycle.subTable("apis").subTable(name);
  return { deprecated: versions.strings("deprecated") ?? [], supported: versions.strings("supported") ?? [] };
}

/** Older builders name one in `stack` only. */
function readRunImages(root: TableReader): readonly string[] {
  const names = (image: TableReader): readonly string[] => {
    const name = image.string("image") ?? "";
    return name === "" ? [] : [name, ...(image.strings("mirrors") ?? [])];
  };
  const listed = root.tables("images").flatMap(names);
  const old = names(root.subTable("stack").subTable("runImage"));
  return [...new Set([...listed, ...old])];
}

function distinct(modules: readonly ModuleInfo[]): readonly ModuleInfo[] {
  const key = ({ id, version }: ModuleInfo): string => `${id}\0${version}`;
  return [...new Map(modules.map((one) => [key(one), one])).values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
