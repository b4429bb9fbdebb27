import type { Logger } from "../../logger.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import {
  type Addition,
  appendLayers,
  editContainer,
  mutate,
  setAnnotations,
  setCreated,
  setEnv,
  setLabels,
} from "../../oci/mutate.ts";
import type { ExportPlan, PlannedLayer } from "./plan.ts";

/** Where a plan's layers come from. */
export interface LayerSources {
  /** What this build packed. */
  readonly packed: ReadonlyMap<DiffId, Layer>;
  readonly previous: ReadonlyMap<DiffId, Layer>;
  /** Whether a layer that both have is taken from the previous image. */
  readonly preferPrevious: boolean;
}

/** The image that a plan describes, as a view on the run image; nothing is written yet. */
export function applyPlan(plan: ExportPlan, runImage: Image, sources: LayerSources): Image {
  const additions = plan.layers.map((layer): Addition => {
    return { layer: source(layer, sources), history: { created_by: layer.createdBy } };
  });
  return mutate(
    runImage,
    appendLayers(additions),
    setLabels(Object.fromEntries(plan.labels.map(({ key, value }) => [key, value]))),
    setEnv(plan.env),
    editContainer(({ Cmd: _cmd, ...container }) => ({
      ...container,
      Entrypoint: [plan.entrypoint],
      WorkingDir: plan.workingDir,
    })),
    Object.keys(plan.annotations).length === 0 ? (parts) => parts : setAnnotations(plan.annotations),
    setCreated(plan.created, { keep: plan.keepHistory }),
  );
}

/** A reused layer is the previous image's, whose blob mostly is where the image goes already. */
function source({ id, diffId, action }: PlannedLayer, sources: LayerSources): Layer {
  const packed = sources.packed.get(diffId);
  const previous = action === "reuse" ? sources.previous.get(diffId) : undefined;
  const layer = sources.preferPrevious ? (previous ?? packed) : (packed ?? previous);
  if (layer === undefined) throw new Error(`the plan names layer ${id} (${diffId}), which nobody has`);
  return layer;
}

/** Tells what a plan does, in the words that platforms know. */
export function announce(plan: ExportPlan, logger: Logger): void {
  for (const layer of plan.layers.filter(({ kind }) => ["extension", "buildpack", "sbom"].includes(kind)))
    say(layer, logger);
  announceApp(plan, logger);
  for (const layer of plan.layers) {
    if (["launcher", "config", "process-types"].includes(layer.kind)) say(layer, logger);
  }
  for (const { key } of plan.labels) logger.info(`Adding label '${key}'`);
  for (const [name, value] of plan.env) logger.debug(`Setting ${name}=${value}`);
  logger.debug(`Setting WORKDIR: '${plan.workingDir}'`);
  const type = plan.defaultProcessType;
  logger.info(type === undefined ? "no default process type" : `Setting default process type '${type}'`);
  logger.debug(`Setting ENTRYPOINT: '${plan.entrypoint}'`);
}

function say({ action, id, diffId, reason }: PlannedLayer, logger: Logger): void {
  logger.info(`${action === "reuse" ? "Reusing" : "Adding"} layer '${id}'`);
  logger.debug(`Layer '${id}' SHA: ${diffId}`);
  logger.debug(`Layer '${id}': ${reason}`);
}

function announceApp({ layers }: ExportPlan, logger: Logger): void {
  const app = layers.filter(({ kind }) => kind === "app");
  for (const { id, diffId } of app) logger.debug(`Layer '${id}' SHA: ${diffId}`);
  const reused = app.filter(({ action }) => action === "reuse").length;
  if (reused > 0) logger.info(`Reused ${reused}/${app.length} app layer(s)`);
  if (reused < app.length) logger.info(`Added ${app.length - reused}/${app.length} app layer(s)`);
}
