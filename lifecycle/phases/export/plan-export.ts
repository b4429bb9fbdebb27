import { TspackError } from "../../errors.ts";
import { encodeBuildLabel, encodeProjectLabel } from "../../cnb/labels.ts";
import { encodeLayersMetadata, type LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { variable } from "../../oci/mutate.ts";
import { refIdentifier } from "../../oci/reference.ts";
import { imageName } from "../analyze/naming.ts";
import type { ExportFacts } from "./facts.ts";
import type { ExportInputs } from "./inputs.ts";
import type { ExportPlan, PlannedLayer } from "./plan.ts";
import { planLayers } from "./plan-layers.ts";

const launcherPath = "/cnb/lifecycle/launcher";
const processDir = "/cnb/process";

/** The time of an image whose platform gave none. */
export const defaultCreated = "1980-01-01T00:00:01Z";

/**
 * Computes what export will do; touches no file and no store. Platform specification, exporter.
 * Throws `EXPORT_FAILED` when a layer cannot be had, a process type is not usable or the wanted
 * default process does not exist.
 */
export function planExport(facts: ExportFacts, inputs: ExportInputs): ExportPlan {
  const layers = planLayers(facts, inputs.analyzed.metadata);
  const { reference, digest, topLayer } = facts.runImage;
  const process = defaultProcess(inputs);
  return {
    runImage: { reference, digest, topLayer },
    layers,
    labels: planLabels(planMetadata(layers, facts, inputs), inputs),
    env: planEnv(facts, inputs),
    workingDir: inputs.app.name,
    entrypoint: process === undefined ? launcherPath : `${processDir}/${process}`,
    defaultProcessType: process,
    created: createdTime(inputs) ?? defaultCreated,
    keepHistory: inputs.features.history,
    annotations: planAnnotations(inputs),
    names: inputs.outputImages.map((ref) => imageName(ref, inputs.layoutDir)),
  };
}

function planMetadata(
  layers: readonly PlannedLayer[],
  facts: ExportFacts,
  { features, runImageForExport }: ExportInputs,
): LayersMetadata {
  const { image, mirrors } = runImageForExport;
  const shaOf = (kind: PlannedLayer["kind"]): string => layers.find((layer) => layer.kind === kind)?.diffId ?? "";
  const byId = new Map(layers.map((layer) => [layer.id, layer.diffId]));
  return {
    app: layers.filter(({ kind }) => kind === "app").map(({ diffId }) => ({ sha: diffId })),
    ...(facts.sbom === undefined ? {} : { sbom: { sha: facts.sbom } }),
    buildpacks: facts.buildpacks.map(({ buildpack: { id, version }, layers: own, store }) => ({
      key: id,
      version,
      layers: Object.fromEntries(
        own.map(({ name, toml: { build, launch, cache, metadata } }) => [
          name,
          { sha: byId.get(`${id}:${name}`) ?? "", data: metadata, build, launch, cache },
        ]),
      ),
      ...(store === undefined ? {} : { store }),
    })),
    config: { sha: shaOf("config") },
    launcher: { sha: shaOf("launcher") },
    processTypes: { sha: shaOf("process-types") },
    runImage: {
      topLayer: facts.runImage.topLayer,
      reference: facts.runImage.reference,
      ...(features.runToml ? { image, mirrors } : {}),
    },
    stack: { runImage: { image, mirrors } },
  };
}

function planLabels(metadata: LayersMetadata, inputs: ExportInputs): ExportPlan["labels"] {
  const { features, launcher, execEnv, project } = inputs;
  return [
    { key: "io.buildpacks.lifecycle.metadata", value: encodeLayersMetadata(metadata) },
    { key: "io.buildpacks.build.metadata", value: encodeBuildLabel(inputs.metadata, launcher.version, features) },
    { key: "io.buildpacks.project.metadata", value: encodeProjectLabel(project) },
    ...inputs.metadata.labels,
    ...(features.execEnv && execEnv !== undefined && execEnv !== ""
      ? [{ key: "io.buildpacks.exec-env", value: execEnv }]
      : []),
  ];
}

function planEnv({ runImage }: ExportFacts, { layers, app, features }: ExportInputs): ExportPlan["env"] {
  const path = variable(runImage.env, "PATH") ?? "";
  return [
    ["CNB_LAYERS_DIR", layers.name],
    ["CNB_APP_DIR", app.name],
    ["CNB_PLATFORM_API", features.api],
    ["CNB_DEPRECATION_MODE", "quiet"],
    ["PATH", `${processDir}:/cnb/lifecycle:${path}`],
  ];
}

function defaultProcess({ defaultProcessType, metadata }: ExportInputs): string | undefined {
  const wanted = defaultProcessType ?? "";
  if (wanted === "") return metadata.buildpackDefaultProcessType || undefined;
  const types = metadata.processes.map(({ type }) => type);
  if (types.includes(wanted)) return wanted;
  throw new TspackError(
    "EXPORT_FAILED",
    `determining entrypoint: tried to set ${wanted} to default but it doesn't exist`,
    { hint: types.length === 0 ? "no buildpack declared a process" : `the process types are ${types.join(", ")}` },
  );
}

/**
 * The time that SOURCE_DATE_EPOCH gives, as Go prints it; undefined when it is not given, not
 * supported by the API or not a whole number of seconds up to the year 9999.
 */
export function createdTime({ features, sourceDateEpoch }: ExportInputs): string | undefined {
  const text = sourceDateEpoch ?? "";
  if (!features.sourceDateEpoch || !/^[+-]?\d+$/.test(text)) return undefined;
  const date = new Date(Number(text) * 1000);
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date.toISOString().replace(/\.000Z$/, "Z") : undefined;
}

function planAnnotations({ layoutDir, outputImages: [main] }: ExportInputs): Readonly<Record<string, string>> {
  if (layoutDir === undefined || main === undefined) return {};
  return { "org.opencontainers.image.ref.name": refIdentifier(main) };
}
