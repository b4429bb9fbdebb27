import { existsSync } from "node:fs";
import { TspackError } from "../../errors.ts";
import { packAppSlices } from "../../layers/pack-app-slices.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BuildpackFacts, ExportFacts } from "./facts.ts";
import type { ExportInputs, ExportPorts } from "./inputs.ts";
import { packLauncher, packProcessTypes } from "./launcher-layers.ts";
import { type BuildpackDir, readBuildpackDir } from "./layers-dir.ts";
import { ownPlace } from "./own-directory.ts";
import type { Packer } from "./packer.ts";

/** The layers of the build, packed, and the facts about them. */
export interface Collected {
  readonly facts: Pick<ExportFacts, "buildpacks" | "sbom" | "app" | "launcher" | "config" | "processTypes">;
  readonly layers: ReadonlyMap<DiffId, Layer>;
}

/** Packs everything that goes into the image. Throws `EXPORT_FAILED`, `INVALID_LAYER`. */
export async function collect(inputs: ExportInputs, ports: ExportPorts, packer: Packer): Promise<Collected> {
  const layers = new Map<DiffId, Layer>();
  const keep = (layer: Layer): DiffId => {
    layers.set(layer.diffId, layer);
    return layer.diffId;
  };
  const buildpacks: BuildpackFacts[] = [];
  for (const buildpack of inputs.buildpacks) {
    const dir = readBuildpackDir(inputs.layers, buildpack);
    buildpacks.push(await packLaunchLayers(dir, packer, keep));
    refuseMalformed(dir);
  }
  const sbomPlace = sbomDirectory(inputs, "launch");
  const sbom = sbomPlace === undefined ? undefined : keep(await packer.directory(sbomPlace));
  const app = (await packApp(inputs, ports)).map(keep);
  const launcher = keep(await packLauncher(inputs.launcher.path, ports));
  const config = keep(await packer.directory(ownPlace(inputs.layers, "config")));
  const { processes } = inputs.metadata;
  const processTypes = processes.length === 0 ? undefined : keep(await packProcessTypes(processes, ports));
  return { facts: { buildpacks, sbom, app, launcher, config, processTypes }, layers };
}

async function packLaunchLayers(
  { buildpack, layers, store }: BuildpackDir,
  packer: Packer,
  keep: (layer: Layer) => DiffId,
): Promise<BuildpackFacts> {
  const facts = [];
  for (const { name, toml, place, id } of layers) {
    if (!toml.launch) continue;
    // An empty directory of a symbolic link to nothing is refused by the plan, with a better message.
    const diffId =
      place === undefined ? undefined : keep(await packer.directory(place).catch(refuse(`creating layer '${id}'`)));
    facts.push({ name, toml, diffId });
  }
  return { buildpack, layers: facts, store };
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
