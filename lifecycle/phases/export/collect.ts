import { existsSync } from "node:fs";
import { TspackError } from "../../errors.ts";
import { packAppSlices } from "../../layers/pack-app-slices.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import { workLimits } from "../../oci/work-limits.ts";
import type { Place } from "../../layers/place.ts";
import { inParallel } from "../in-parallel.ts";
import type { BuildpackFacts, ExportFacts } from "./facts.ts";
import type { ExportInputs, ExportPorts } from "./inputs.ts";
import { packLauncher, packProcessTypes } from "./launcher-layers.ts";
import { type BuildpackDir, readBuildpackDir } from "./layers-dir.ts";
import { ownPlace } from "./own-directory.ts";
import type { Packer } from "./packer.ts";
import type { SendAhead } from "./send-ahead.ts";

/** The layers of the build, packed, and the facts about them. */
export interface Collected {
  readonly facts: Pick<ExportFacts, "buildpacks" | "sbom" | "app" | "launcher" | "config" | "processTypes">;
  readonly layers: ReadonlyMap<DiffId, Layer>;
}

/** Who packs directories, and who sends what was packed. */
export interface Collecting {
  readonly packer: Packer;
  readonly ahead: SendAhead;
}

/**
 * Packs everything that goes into the image, and begins to send it. Throws `EXPORT_FAILED`,
 * `INVALID_LAYER`.
 */
export async function collect(inputs: ExportInputs, ports: ExportPorts, collecting: Collecting): Promise<Collected> {
  const { packer, ahead } = collecting;
  const layers = new Map<DiffId, Layer>();
  const keep = (layer: Layer): DiffId => {
    if (!layers.has(layer.diffId)) ahead.send(layer);
    layers.set(layer.diffId, layer);
    return layer.diffId;
  };
  try {
    const facts = await collectFacts(inputs, { ...ports, ctx: { ...ports.ctx, signal: ahead.signal } }, packer, keep);
    return { facts, layers };
  } catch (error) {
    throw ahead.reasonOf(error);
  }
}

type Keep = (layer: Layer) => DiffId;

async function collectFacts(
  inputs: ExportInputs,
  ports: ExportPorts,
  packer: Packer,
  keep: Keep,
): Promise<Collected["facts"]> {
  const dirs = inputs.buildpacks.map((buildpack) => readBuildpackDir(inputs.layers, buildpack));
  for (const dir of dirs) refuseMalformed(dir);
  // Reading a layer leaves the processors to the compression of another.
  const { layersAtOnce = workLimits().layers } = inputs;
  const buildpacks = await packLaunchLayers(dirs, layersAtOnce, packer, keep);
  const sbomPlace = sbomDirectory(inputs, "launch");
  const sbom = sbomPlace === undefined ? undefined : keep(await packer.directory(sbomPlace));
  const app = (await packApp(inputs, ports)).map(keep);
  const launcher = keep(await packLauncher(inputs.launcher.path, ports));
  const config = keep(await packer.directory(ownPlace(inputs.layers, "config")));
  const { processes } = inputs.metadata;
  const processTypes = processes.length === 0 ? undefined : keep(await packProcessTypes(processes, ports));
  return { buildpacks, sbom, app, launcher, config, processTypes };
}

async function packLaunchLayers(
  dirs: readonly BuildpackDir[],
  layersAtOnce: number,
  packer: Packer,
  keep: Keep,
): Promise<readonly BuildpackFacts[]> {
  const found = dirs.flatMap(({ layers }) => layers.filter(({ toml, place }) => toml.launch && place !== undefined));
  const packed = await inParallel(found, layersAtOnce, async ({ id, place, toml }) => {
    const layer = await packer.directory(place as Place, toml.cache).catch(refuse(`creating layer '${id}'`));
    return [id, keep(layer)] as const;
  });
  const diffIds = new Map(packed);
  return dirs.map(({ buildpack, layers, store }) => ({
    buildpack,
    // A layer without a directory is the plan's business, which knows the previous image.
    layers: layers
      .filter(({ toml }) => toml.launch)
      .map(({ name, toml, id }) => ({ name, toml, diffId: diffIds.get(id) })),
    store,
  }));
}

function refuseMalformed({ malformed }: BuildpackDir): void {
  if (malformed.length === 0) return;
  throw new TspackError("EXPORT_FAILED", `failed to parse metadata for layers '[${malformed.join(" ")}]'`, {
    hint: "the buildpack wrote <layer>.toml files that are not valid TOML",
  });
}

/** `<layers>/sbom/<kind>`; undefined when it is not there or the API has no SBOMs. */
export function sbomDirectory({ layers, features }: ExportInputs, kind: "launch" | "cache") {
  if (!features.sbom) return undefined;
  const place = ownPlace(layers, "sbom", kind);
  return existsSync(place.path) ? place : undefined;
}

async function packApp({ app, metadata, owner }: ExportInputs, { blobs, ctx }: ExportPorts): Promise<readonly Layer[]> {
  const slices = await packAppSlices(app, metadata.slices, { owner, signal: ctx.signal }, blobs).catch(
    refuse("exporting app layers: creating app layers"),
  );
  return slices.map(({ layer }) => layer);
}

/** Puts what was being done before the message of a failure. */
function refuse(doing: string) {
  return (cause: unknown): never => {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    throw new TspackError("EXPORT_FAILED", `${doing}: ${cause.message}`, { cause, hint: cause.hint });
  };
}
