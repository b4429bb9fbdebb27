import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { decodeBuildLabel, labelNames } from "../../cnb/labels.ts";
import type { Image } from "../../oci/image.ts";
import type { LayerSummary } from "../build/summary.ts";

/** A layer as the store that has the image tells of it. */
export interface StoredLayer {
  readonly diffId: string;
  /** Of the blob; the DiffID in an engine. */
  readonly digest: string;
  /** Compressed bytes; as unpacked in an engine. */
  readonly size: number;
}

/** What phases in containers told of their work, line by line. */
export interface PhaseStory {
  /** Takes a line of their output. */
  readonly hear: (line: string) => void;
  readonly reused: ReadonlySet<string>;
  /** Where each restored layer came from, by its name. */
  readonly restored: ReadonlyMap<string, "cache" | "previous-image">;
}

/** Listens to the exporter and the restorer, whose lines about layers every lifecycle has in the same words. */
export function phaseStory(): PhaseStory {
  const reused = new Set<string>();
  const restored = new Map<string, "cache" | "previous-image">();
  const hear = (line: string): void => {
    const again = /Reusing layer '([^']+)'/.exec(line)?.[1];
    if (again !== undefined) reused.add(again);
    const [, count = "", all] = /Reused (\d+)\/(\d+) app layer/.exec(line) ?? [];
    if (count !== "" && count === all) reused.add(applicationLayer);
    const [, what, layer] = /Restoring (data|metadata) for "([^"]+)" from (?:cache|app image)/.exec(line) ?? [];
    if (layer === undefined) return;
    if (what === "data") restored.set(layer, "cache");
    else if (!restored.has(layer)) restored.set(layer, "previous-image");
  };
  return { hear, reused, restored };
}

/** The layers of an image with the names that its own label has for them. */
export async function layerSummaries(
  image: Image,
  layers: readonly StoredLayer[],
  { reused }: PhaseStory,
): Promise<readonly LayerSummary[]> {
  const names = layerNames((await image.config()).value.config?.Labels ?? {});
  return layers.map(({ diffId, digest, size }) => {
    const layer = names.get(diffId);
    if (layer === undefined) return { layer: "run image", action: "base", reason: "", size, digest };
    const isReused = reused.has(layer);
    const reason = isReused ? "the previous image has it" : "";
    return { layer, action: isReused ? "reused" : "new", reason, size, digest };
  });
}

const lifecycle = "buildpacksio/lifecycle";
const applicationLayer = "Application Layer";

function layerNames(labels: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const metadata = decodeLayersMetadata(labels["io.buildpacks.lifecycle.metadata"] ?? "{}");
  const { app, buildpacks, config, launcher, processTypes, sbom } = metadata;
  const own = [
    ...app.map(({ sha }) => [sha, applicationLayer] as const),
    [config.sha, `${lifecycle}:config`],
    [launcher.sha, `${lifecycle}:launcher`],
    [processTypes.sha, `${lifecycle}:process-types`],
    [sbom?.sha ?? "", `${lifecycle}:launch.sbom`],
    ...buildpacks.flatMap(({ key, layers }) =>
      Object.entries(layers).map(([name, { sha }]) => [sha, `${key}:${name}`] as const),
    ),
  ] as const;
  return new Map(own.filter(([sha]) => sha !== ""));
}

/** The processes that an image's label names, whichever lifecycle wrote it. Throws `INVALID_JSON`. */
export function processesIn(
  labels: Readonly<Record<string, string>>,
  entrypoint: readonly string[],
): readonly { readonly type: string; readonly default: boolean }[] {
  const types = decodeBuildLabel(labels[labelNames.buildMetadata] ?? "{}").processes.map(({ type }) => type);
  const first = /^\/cnb\/process\/(.+)$/.exec(entrypoint[0] ?? "")?.[1];
  return types.map((type) => ({ type, default: type === first }));
}
