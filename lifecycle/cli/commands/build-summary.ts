import type { ImageRef } from "../../oci/reference.ts";
import type { BuiltImage } from "../../platform/build/build-image.ts";
import type { Places } from "../../platform/places.ts";
import { palette } from "../console.ts";
import { formatBytes } from "../progress.ts";
import { familiarName, type Toolbox } from "../toolbox.ts";

/** What a build tells at its end; `--json` prints it as it is. Times are seconds, sizes compressed bytes. */
export interface BuildSummary {
  readonly image: string;
  readonly names: readonly string[];
  readonly digest: string;
  readonly size: number;
  readonly store: string;
  readonly runner: string;
  readonly group: readonly { readonly id: string; readonly version: string }[];
  readonly layers: readonly LayerSummary[];
  readonly processes: readonly { readonly type: string; readonly default: boolean }[];
  readonly restored: readonly { readonly layer: string; readonly from: string }[];
  readonly phases: readonly { readonly phase: string; readonly seconds: number }[];
  readonly seconds: number;
}

interface LayerSummary {
  readonly layer: string;
  readonly action: "base" | "new" | "reused";
  readonly reason: string;
  readonly size: number;
  readonly digest: string;
}

/** What the summary needs besides the build's own result. */
export interface SummaryFacts {
  readonly names: readonly ImageRef[];
  readonly publish: boolean;
  readonly places: Places;
  readonly runner: string;
  readonly seconds: number;
}

/** Gathers the summary of a build. */
export async function buildSummary(built: BuiltImage, facts: SummaryFacts): Promise<BuildSummary> {
  const { plan, image, written, group, restored, times } = built;
  const [main] = facts.names;
  const { value: manifest } = await image.manifest();
  const own = manifest.layers.length - plan.layers.length;
  const layers = manifest.layers.map(({ size, digest }, index): LayerSummary => {
    const planned = plan.layers[index - own];
    if (planned === undefined) return { layer: "run image", action: "base", reason: "", size, digest };
    // A blob that the destination had already was not sent, whatever the plan could know.
    const there = planned.action === "reuse" || (written.layers[index]?.outcome ?? "sent") === "present";
    return {
      layer: planned.kind === "app" ? planned.createdBy : planned.id,
      action: there ? "reused" : "new",
      reason: planned.action === "reuse" ? planned.reason : there ? "same content" : planned.reason,
      size,
      digest,
    };
  });
  return {
    image: main === undefined ? "" : main.original,
    names: facts.names.map(familiarName),
    digest: written.digest,
    size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    store: facts.publish ? `registry ${main?.registry ?? ""}` : facts.places.images,
    runner: facts.runner,
    group: group.map(({ id, version }) => ({ id, version })),
    layers,
    processes: processesOf(built),
    restored: restored.layers.flatMap(({ buildpackId, name, state }) =>
      state.kind === "restored" ? [{ layer: `${buildpackId}:${name}`, from: state.from }] : [],
    ),
    phases: times.map(({ phase, milliseconds }) => ({ phase: phase.toLowerCase(), seconds: milliseconds / 1000 })),
    seconds: facts.seconds,
  };
}

function processesOf({ plan }: BuiltImage): BuildSummary["processes"] {
  const label = plan.labels.findLast(({ key }) => key === "io.buildpacks.build.metadata")?.value ?? "{}";
  const { processes = [] } = JSON.parse(label) as { readonly processes?: readonly { readonly type: string }[] };
  return processes.map(({ type }) => ({ type, default: type === plan.defaultProcessType }));
}

/** Prints the summary: JSON for programs, one screen for people. */
export function printSummary(
  summary: BuildSummary,
  { host, color }: Toolbox,
  options: { readonly json?: boolean; readonly quiet?: boolean },
): void {
  if (options.json === true) return host.stdout(`${JSON.stringify(summary, undefined, 2)}\n`);
  if (options.quiet === true) return host.stdout(`${summary.names[0]?.replace(/:[^:/]*$/, "")}@${summary.digest}\n`);
  const { bold, dim, good } = palette(color);
  const processes = summary.processes.map(({ type, default: isDefault }) => (isDefault ? `${type} (default)` : type));
  const local = !summary.store.startsWith("registry ");
  host.stdout(
    [
      `\n${good("Built")} ${bold(summary.image)}\n`,
      row("name", summary.names.join(", ")),
      row("digest", summary.digest),
      row("size", sizeText(summary)),
      ...layerRows(summary).map((text) => `  ${"".padEnd(10)} ${dim(text)}\n`),
      row("processes", processes.length === 0 ? "none: start it with a command" : processes.join(", ")),
      row("stored in", summary.store),
      row("time", timeText(summary)),
      `\nNext: ${local ? `tspack run ${summary.image}` : `tspack inspect ${summary.image}`}\n`,
    ].join(""),
  );
}

function sizeText({ size, layers }: BuildSummary): string {
  const sum = (action: LayerSummary["action"]): number =>
    layers.filter((layer) => layer.action === action).reduce((total, layer) => total + layer.size, 0);
  const count = (action: LayerSummary["action"]): number => layers.filter((layer) => layer.action === action).length;
  const part = (action: LayerSummary["action"], word: string): readonly string[] =>
    count(action) === 0 ? [] : [`${count(action)} ${word}: ${formatBytes(sum(action))}`];
  return `${formatBytes(size)} (${[...part("base", "of the run image"), ...part("reused", "reused"), ...part("new", "new")].join(", ")})`;
}

function layerRows({ layers }: BuildSummary): readonly string[] {
  const own = layers.filter(({ action }) => action !== "base");
  const width = Math.max(0, ...own.map(({ layer }) => layer.length));
  return own.map(
    ({ layer, action, size, reason }) =>
      `${action.padEnd(6)} ${layer.padEnd(width)} ${formatBytes(size).padStart(8)}${action === "reused" && reason !== "" ? `  ${reason}` : ""}`,
  );
}

function timeText({ seconds, phases }: BuildSummary): string {
  const parts = phases.map(({ phase, seconds: own }) => `${phase} ${own.toFixed(1)}`);
  return `${seconds.toFixed(1)} s (${parts.join(", ")})`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(10)} ${value}\n`;
}
