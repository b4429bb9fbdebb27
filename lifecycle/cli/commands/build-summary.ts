import type { ExportPlan } from "../../phases/export.ts";
import type { BuildSummary, LayerSummary } from "../../platform/build/summary.ts";
import { palette } from "../console.ts";
import { formatBytes } from "../progress.ts";

/** The one screen at the end of a build; one line with `--quiet`. */
export function summaryText(
  summary: BuildSummary & { readonly plan?: ExportPlan | undefined },
  options: { readonly quiet: boolean; readonly color: boolean },
): string {
  if (options.quiet) return `${summary.names[0]?.replace(/:[^:/]*$/, "")}@${summary.digest}\n`;
  const { bold, dim, good } = palette(options.color);
  const processes = summary.processes.map(({ type, default: isDefault }) => (isDefault ? `${type} (default)` : type));
  return [
    `\n${good(summary.dryRun ? "Planned" : "Built")} ${bold(summary.image)}\n`,
    row("name", summary.names.join(", ")),
    row("digest", summary.digest),
    row("size", sizeText(summary)),
    ...layerRows(summary).map((text) => `  ${"".padEnd(10)} ${dim(text)}\n`),
    row("processes", processes.length === 0 ? "none: start it with a command" : processes.join(", ")),
    ...(summary.dryRun && summary.plan !== undefined ? planRows(summary.plan) : []),
    row("stored in", summary.store),
    row("time", timeText(summary)),
    `\nNext: ${nextCommand(summary)}\n`,
  ].join("");
}

/** What the plan says beside its layers. */
function planRows({ runImage, entrypoint, workingDir, env, labels, created }: ExportPlan): readonly string[] {
  return [
    row("run image", runImage.reference),
    row("starts", `${entrypoint} in ${workingDir}`),
    row("created", created),
    ...env.map(([name, value], index) => row(index === 0 ? "env" : "", `${name}=${value}`)),
    ...[...new Set(labels.map(({ key }) => key))].map((key, index) => row(index === 0 ? "labels" : "", key)),
  ];
}

function nextCommand({ dryRun, image, output, store, processes }: BuildSummary): string {
  if (dryRun) return "the same without --dry-run";
  // An image without a default process starts nothing by itself.
  const command = processes.length === 0 ? " COMMAND" : "";
  switch (output) {
    case "local":
      return `tspack run ${image}${command}`;
    case "engine":
      return `${store.startsWith("Podman ") ? "podman" : "docker"} run --rm ${image}${command}`;
    case "registry":
      return `tspack inspect ${image}`;
    // What is in a file is in no store, and has no name there.
    case "oci":
    case "oci-archive":
    case "docker-archive":
      return `tspack inspect ${shellWord(`${output}:${store}`)}`;
  }
}

/** A text as one word of a command line that is copied into a shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
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
      `${action.padEnd(6)} ${layer.padEnd(width)} ${formatBytes(size).padStart(8)}${reason === "" ? "" : `  ${reason}`}`,
  );
}

function timeText({ seconds, phases }: BuildSummary): string {
  const parts = phases.map(({ phase, seconds: own }) => `${phase} ${own.toFixed(1)}`);
  return `${seconds.toFixed(1)} s (${parts.join(", ")})`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(10)} ${value}\n`;
}
