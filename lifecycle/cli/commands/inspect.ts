import { InputError } from "../../errors.ts";
import type { BaseState } from "../../platform/inspect/base-state.ts";
import { inspect as inspectOne, type Inspection } from "../../platform/inspect/inspect-image.ts";
import { type InspectedSides, inspectSides } from "../../platform/inspect/inspect-sides.ts";
import { printable } from "../console.ts";
import { formatBytes } from "../progress.ts";
import { type StructuredFormat, structuredText } from "../structured.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";
import { bomDocument, inspectDocument } from "./inspect-document.ts";

/** Options of `tspack inspect`. */
export interface InspectOptions extends CommonOptions {
  readonly output: "human-readable" | StructuredFormat;
  readonly bom?: boolean;
  readonly json?: boolean;
}

/** `tspack inspect`: base, buildpacks, processes and layers of an image. */
export async function inspect(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: InspectOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const { output } = options;
  if (options.json === true) {
    if (output !== "human-readable" || options.bom === true) throw twoForms(output);
    return host.stdout(`${JSON.stringify(await inspectOne(name, toolbox), undefined, 2)}\n`);
  }
  const sides = await inspectSides(name, toolbox);
  if (options.bom === true) {
    toolbox.ctx.logger.warn("--bom shows the old bill of materials; tspack sbom download gets the standard ones");
    return host.stdout(structuredText(bomDocument(sides), output === "human-readable" ? "json" : output));
  }
  if (output === "human-readable") return host.stdout(printable(sidesText(sides)));
  return host.stdout(structuredText(inspectDocument(name, sides, toolbox.settings), output));
}

function twoForms(output: InspectOptions["output"]): InputError {
  const got = output === "human-readable" ? "--bom beside it" : `--output ${output} beside it`;
  const issue = { source: "--json", path: "", expected: "no other form", got };
  return new InputError("INVALID_ARGUMENTS", "an image is printed in one form", [issue]);
}

/** One screen when there is one image, one below the other when both stores have different ones. */
function sidesText({ local, remote, remoteProblem }: InspectedSides): string {
  if (local !== undefined && remote !== undefined) {
    if (local.digest === remote.digest) return inspectionText(local, "here, and the same in its registry");
    return `REMOTE\n${inspectionText(remote, "in its registry")}\nLOCAL\n${inspectionText(local, "here")}`;
  }
  const only = local ?? remote;
  if (only === undefined) return "";
  if (local === undefined) return inspectionText(only, "in its registry, not here");
  return inspectionText(only, remoteProblem === undefined ? "here" : `here; its registry: ${remoteProblem}`);
}

function inspectionText(inspection: Inspection, where: string): string {
  const { buildpacks, extensions, processes, layers, size } = inspection;
  const names = (modules: Inspection["buildpacks"]): readonly string[] =>
    modules.map(({ id, version }) => `${id} ${version}`);
  return [
    row("image", inspection.image),
    row("where", where),
    row("digest", inspection.digest),
    row("platform", inspection.platform),
    ...indexRows(inspection),
    row("created", inspection.created ?? "unknown"),
    ...(size === 0 ? [] : [row("size", formatBytes(size))]),
    list("base", baseLines(inspection)),
    ...(inspection.stack === "" ? [] : [row("stack", inspection.stack)]),
    list("buildpacks", names(buildpacks)),
    list("extensions", names(extensions)),
    list(
      "processes",
      processes.map(({ type, command, default: isDefault }) => `${type}${isDefault ? " (default)" : ""}: ${command}`),
    ),
    ...(inspection.sbom === undefined ? [] : [row("SBOM", `tspack sbom download ${inspection.image}`)]),
    list(
      "layers",
      layers.map(
        ({ diffId, size: bytes, createdBy }) =>
          `${diffId.slice(0, 19)} ${bytes === 0 ? "" : `${formatBytes(bytes).padStart(8)}  `}${createdBy}`,
      ),
    ),
  ].join("");
}

function indexRows({ index, digest }: Inspection): readonly string[] {
  if (index === undefined) return [];
  const images = index.images.map(
    (image) => `${image.platform} ${image.digest}${image.digest === digest ? " (this one)" : ""}`,
  );
  return [row("index", index.digest), list("", images)];
}

function baseLines({ base, rebasable }: Inspection): readonly string[] {
  if (base === undefined) return ["unknown: this image was not made by a lifecycle"];
  const name = base.image === "" ? base.reference : base.image;
  return [
    `${name}${rebasable ? "" : " (not rebasable)"}`,
    ...(base.image === "" ? [] : [base.reference]),
    ...base.mirrors.map((mirror) => `mirror ${mirror}`),
    stateText(base.state),
  ];
}

function stateText(state: BaseState): string {
  switch (state.kind) {
    case "current":
      return "up to date";
    case "stale":
      return "stale: the run image has other layers now; tspack rebase brings them";
    case "unknown":
      return `up to date or not: unknown, ${state.reason}`;
  }
}

function list(name: string, values: readonly string[]): string {
  return values.map((value, index) => row(index === 0 ? name : "", value)).join("");
}

function row(name: string, value: string): string {
  return `${name.padEnd(11)} ${value}\n`;
}
