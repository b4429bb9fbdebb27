import { TspackError } from "../../errors.ts";
import type { BuildpackLayersMetadata, LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { type DiffId, parseDiffId } from "../../oci/digest.ts";
import type { BuildpackFacts, ExportFacts, ExtensionLayerFact, LaunchLayerFact } from "./facts.ts";
import type { PlannedLayer } from "./plan.ts";

const lifecycle = "buildpacksio/lifecycle";

/** The layers of the image in order. Throws `EXPORT_FAILED` for a layer that neither a directory nor the previous image has. */
export function planLayers(facts: ExportFacts, previous: LayersMetadata): readonly PlannedLayer[] {
  const place = placer(facts.previousLayers);
  const { sbom, launcher, config, processTypes } = facts;
  return [
    ...(facts.extensions ?? []).map((layer) => planExtension(layer, facts.previousLayers)),
    ...facts.buildpacks.flatMap((fact) => planBuildpack(fact, facts, previous)),
    ...(sbom === undefined
      ? []
      : [place("sbom", `${lifecycle}:launch.sbom`, "Software Bill-of-Materials", sbom, [previous.sbom?.sha])]),
    ...facts.app.map((diffId, index) =>
      place(
        "app",
        `slice-${index + 1}`,
        appHistory(index, facts.app.length),
        diffId,
        previous.app.map(({ sha }) => sha),
      ),
    ),
    place("launcher", `${lifecycle}:launcher`, "Buildpacks Application Launcher", launcher, [previous.launcher.sha]),
    place("config", `${lifecycle}:config`, "Buildpacks Launcher Config", config, [previous.config.sha]),
    ...(processTypes === undefined
      ? []
      : [
          place("process-types", `${lifecycle}:process-types`, "Buildpacks Process Types", processTypes, [
            previous.processTypes.sha,
          ]),
        ]),
  ];
}

/** Decides by DiffID: the same content needs no second upload, whoever says so. */
function placer(previousLayers: ReadonlySet<string>) {
  return (
    kind: PlannedLayer["kind"],
    id: string,
    createdBy: string,
    diffId: DiffId,
    recorded: readonly (string | undefined)[],
  ): PlannedLayer => {
    if (!recorded.includes(diffId)) {
      const isNew = recorded.every((sha) => sha === undefined || sha === "");
      const reason = isNew ? "the previous image has no such layer" : "its content is not the previous image's";
      return { kind, id, createdBy, diffId, action: "add", reason };
    }
    if (!previousLayers.has(diffId)) {
      return { kind, id, createdBy, diffId, action: "add", reason: "the previous image names it but does not have it" };
    }
    return { kind, id, createdBy, diffId, action: "reuse", reason: "its content is the previous image's" };
  };
}

/** No metadata records these layers: what the previous image has needs no second upload all the same. */
function planExtension(layer: ExtensionLayerFact, previousLayers: ReadonlySet<string>): PlannedLayer {
  const [action, reason] = previousLayers.has(layer.diffId)
    ? (["reuse", "its content is the previous image's"] as const)
    : (["add", "an image extension made it"] as const);
  return { ...layer, kind: "extension", action, reason };
}

function appHistory(index: number, count: number): string {
  return count === 1 ? "Application Layer" : `Application Slice: ${index + 1}`;
}

function planBuildpack(
  { buildpack, layers }: BuildpackFacts,
  facts: ExportFacts,
  previous: LayersMetadata,
): readonly PlannedLayer[] {
  const recorded = recordedLayers(previous, buildpack.id);
  const place = placer(facts.previousLayers);
  return layers.map((layer) => {
    const id = `${buildpack.id}:${layer.name}`;
    const createdBy = `Layer: '${layer.name}', Created by buildpack: ${buildpack.id}@${buildpack.version}`;
    const before = recorded?.[layer.name]?.sha;
    if (layer.diffId !== undefined) return place("buildpack", id, createdBy, layer.diffId, [before]);
    return { ...withoutContent(id, layer, before, facts.previousLayers), createdBy };
  });
}

function withoutContent(
  id: string,
  { toml }: LaunchLayerFact,
  recorded: string | undefined,
  previousLayers: ReadonlySet<string>,
): Omit<PlannedLayer, "createdBy"> {
  if (toml.cache) throw failed(`layer '${id}' is cache=true but has no contents`);
  if (recorded === undefined) {
    throw failed(`cannot reuse '${id}', previous image has no metadata for layer '${id}'`);
  }
  if (!previousLayers.has(recorded)) {
    throw failed(`reusing layer: '${id}': the previous image has no layer ${JSON.stringify(recorded)}`);
  }
  const diffId = parseDiffId(recorded, "io.buildpacks.lifecycle.metadata");
  return { kind: "buildpack", id, diffId, action: "reuse", reason: "the buildpack kept the previous image's" };
}

function failed(message: string): TspackError {
  return new TspackError("EXPORT_FAILED", message, {
    hint: "the buildpack declared the layer without making its directory; build with a clean cache",
  });
}

/** The layers that a label or a cache records for a buildpack, by name. */
export function recordedLayers(
  metadata: { readonly buildpacks: readonly BuildpackLayersMetadata[] },
  id: string,
): BuildpackLayersMetadata["layers"] | undefined {
  return metadata.buildpacks.find(({ key }) => key === id)?.layers;
}
