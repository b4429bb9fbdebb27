import { type ErrorCode, InputError, TspackError } from "../../errors.ts";
import type { ModuleInfo } from "../../cnb/module-labels.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { detectionTree } from "../../platform/builder/detection-order.ts";
import { type ApiVersions, type BuilderInfo, inspectBuilderImage } from "../../platform/builder/inspect-builder.ts";
import { withImagePlaces } from "../../platform/image-places/open-places.ts";
import { withPatience } from "../../platform/inspect/base-state.ts";
import { readSettings } from "../../platform/settings.ts";
import type { ImageSource } from "../../stores/store.ts";
import { printable } from "../console.ts";
import { type StructuredFormat, structuredText } from "../structured.ts";
import { textTable } from "../text-table.ts";
import { type CommonOptions, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack builder inspect`. */
export interface BuilderInspectOptions extends CommonOptions {
  readonly output: "human-readable" | StructuredFormat;
  readonly depth?: string;
}

/** `tspack builder inspect`: what builders of a name are, in the registry and here. */
export async function inspectBuilder(
  host: TspackHost,
  [given]: readonly string[],
  options: BuilderInspectOptions,
): Promise<void> {
  const depth = readDepth(options.depth);
  const toolbox = openToolbox(host, options);
  const { defaultBuilder = defaultNames.builder, trustedBuilders } = readSettings(toolbox.places.config);
  const name = given ?? defaultBuilder;
  const ref = imageArgument(name);
  const look = async (store: ImageSource): Promise<BuilderInfo | null> => {
    const image = await store.resolve(ref);
    return image === undefined ? null : inspectBuilderImage(image, name, depth);
  };
  // In tspack's own store, or in the container engine when it is only there.
  const localInfo = await withImagePlaces(toolbox, ({ open }) =>
    look({ resolve: async () => (await open(name)).image() }),
  );
  const asked = look(toolbox.registries);
  const remoteInfo = await (localInfo === null ? asked : withPatience(asked, name)).catch((error: unknown) => {
    // What is here can be shown without a network.
    if (localInfo === null || !(error instanceof TspackError) || !unreachable.has(error.code)) throw error;
    toolbox.ctx.logger.debug(error.message);
    return null;
  });
  if (localInfo === null && remoteInfo === null) throw notFound(name);
  const trusted = name === defaultNames.builder || trustedBuilders.includes(name);
  const shared = { builder_name: name, trusted, default: name === defaultBuilder };
  if (options.output !== "human-readable") {
    host.stdout(structuredText({ ...shared, remote_info: remoteInfo, local_info: localInfo }, options.output));
    return;
  }
  const side = (title: string, info: BuilderInfo | null): string =>
    `${title}:\n\n${info === null ? "(not present)\n" : infoText(info, shared.trusted)}`;
  const sides = `${side("REMOTE", remoteInfo)}\n${side("LOCAL", localInfo)}`;
  host.stdout(printable(`Inspecting builder: ${name}\n\n${sides}`));
}

/** What may be wrong with a registry, and does not keep what is here from being shown. */
const unreachable: ReadonlySet<ErrorCode> = new Set([
  "FORBIDDEN",
  "NOT_FOUND",
  "REGISTRY_ERROR",
  "REGISTRY_UNREACHABLE",
  "UNAUTHORIZED",
]);

function notFound(name: string): TspackError {
  return new TspackError("BUILDER_NOT_FOUND", `there is no builder ${name}, neither here nor in its registry`, {
    hint: "tspack images list shows the local ones; tspack builder suggest names some in registries",
  });
}

/** Reads `--depth`; undefined: everything, as negative numbers mean. Throws `INVALID_ARGUMENTS`. */
export function readDepth(text: string | undefined): number | undefined {
  if (text === undefined || /^-\d+$/.test(text)) return undefined;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  const issue = { source: "--depth", path: "", expected: "a whole number", got: JSON.stringify(text) };
  throw new InputError("INVALID_ARGUMENTS", "the depth can not be read", [issue]);
}

function infoText(info: BuilderInfo, trusted: boolean): string {
  const { created_by: creator, lifecycle, stack } = info;
  return [
    info.description === undefined ? "" : `Description: ${info.description}\n\n`,
    creator.name === "" ? "" : `Created By:\n  Name: ${creator.name}\n  Version: ${creator.version}\n\n`,
    `Trusted: ${trusted ? "Yes" : "No"}\n\n`,
    stack === undefined ? "" : `Stack:\n  ID: ${stack.id}\n\n`,
    `Lifecycle:\n  Version: ${lifecycle.version === "" ? "(none)" : lifecycle.version}\n`,
    `  Buildpack APIs:\n${apisText(lifecycle.buildpack_apis)}  Platform APIs:\n${apisText(lifecycle.platform_apis)}\n`,
    `Run Images:\n${listText(info.run_images.map((image) => image.name))}\n`,
    `Buildpacks:\n${modulesText(info.buildpacks)}\n`,
    `Detection Order:\n${info.detection_order.length === 0 ? "  (none)\n" : detectionTree(info.detection_order)}`,
    info.extensions === undefined ? "" : `\nExtensions:\n${modulesText(info.extensions)}`,
    info.order_extensions === undefined
      ? ""
      : `\nDetection Order (Extensions):\n${detectionTree(info.order_extensions)}`,
  ].join("");
}

function apisText({ deprecated, supported }: ApiVersions): string {
  const list = (versions: readonly string[]): string => (versions.length === 0 ? "(none)" : versions.join(", "));
  return `    Deprecated: ${list(deprecated)}\n    Supported: ${list(supported)}\n`;
}

function listText(lines: readonly string[]): string {
  return lines.length === 0 ? "  (none)\n" : lines.map((line) => `  ${line}\n`).join("");
}

/** A table of buildpacks or extensions. */
export function modulesText(modules: readonly ModuleInfo[]): string {
  if (modules.length === 0) return "  (none)\n";
  const rows = modules.map(({ id, name, version, homepage }) => [id, name ?? "-", version, homepage ?? "-"]);
  return textTable([["ID", "NAME", "VERSION", "HOMEPAGE"], ...rows]);
}
