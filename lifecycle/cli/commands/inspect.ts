import { inspect as inspectImage, type Inspection } from "../../platform/inspect/inspect-image.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";

/** `tspack inspect`: base, buildpacks, processes and layers of an image. */
export async function inspect(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: CommonOptions & { readonly json?: boolean },
): Promise<void> {
  const inspection = await inspectImage(name, openToolbox(host, options));
  host.stdout(options.json === true ? `${JSON.stringify(inspection, undefined, 2)}\n` : inspectionText(inspection));
}

function inspectionText(inspection: Inspection): string {
  const list = (name: string, values: readonly string[]): string =>
    values.map((value, index) => row(index === 0 ? name : "", value)).join("");
  const { base } = inspection;
  return [
    row("image", inspection.image),
    row("digest", inspection.digest),
    row("platform", inspection.platform),
    row("created", inspection.created ?? "unknown"),
    row("size", formatBytes(inspection.size)),
    row(
      "base",
      base === undefined
        ? "unknown: this image was not made by a lifecycle"
        : `${base.image === "" ? base.reference : base.image}${inspection.rebasable ? "" : " (not rebasable)"}`,
    ),
    ...(base === undefined ? [] : [row("", base.reference)]),
    list(
      "buildpacks",
      inspection.buildpacks.map(({ id, version }) => `${id} ${version}`),
    ),
    list(
      "processes",
      inspection.processes.map(
        ({ type, command, default: isDefault }) => `${type}${isDefault ? " (default)" : ""}: ${command}`,
      ),
    ),
    list(
      "layers",
      inspection.layers.map(
        ({ diffId, size, createdBy }) => `${diffId.slice(0, 19)} ${formatBytes(size).padStart(8)}  ${createdBy}`,
      ),
    ),
  ].join("");
}

function row(name: string, value: string): string {
  return `${name.padEnd(11)} ${value}\n`;
}
