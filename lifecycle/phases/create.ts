import type { Analyzed } from "../cnb/files/analyzed.ts";
import type { RunToml } from "../cnb/files/run-toml.ts";
import { runImageForExport } from "../cnb/run-image.ts";
import { maybeReference } from "../oci/reference.ts";
import { analyze, type AnalyzeInputs, type AnalyzePorts } from "./analyze.ts";
import { build, type BuildPorts } from "./build.ts";
import { detect, type DetectInputs, type DetectResult, refuseExtensions } from "./detect.ts";
import { exportImage, type ExportInputs, type ExportPorts, type ExportResult } from "./export.ts";
import { analyzedImages } from "./export/analyzed-images.ts";
import { restore, type RestoreResult } from "./restore.ts";

/** What export is told that the phases before it do not find out. */
type ExportSettings = Omit<
  ExportInputs,
  "buildpacks" | "metadata" | "analyzed" | "runImage" | "runImageForExport" | "previousImage"
>;

/** What is created. Platform specification, creator. */
export interface CreateInputs {
  readonly analyze: AnalyzeInputs;
  /** Asked after the analysis, as `order.toml` is read then. */
  readonly detect: () => Omit<DetectInputs, "target">;
  readonly export: ExportSettings;
  /** `run.toml`; below Platform API 0.12 the run image of `stack.toml` alone. */
  readonly runToml: RunToml;
  /** `-skip-restore`. */
  readonly skipRestore: boolean;
}

/** What creating works with. */
export interface CreatePorts extends AnalyzePorts, ExportPorts, BuildPorts {
  /** Told what analysis found before anything is built, for `analyzed.toml`. */
  readonly analyzed?: (analyzed: Analyzed) => void;
  /** Told which group builds, for `group.toml` and `plan.toml`. */
  readonly detected?: (detected: DetectResult) => void;
}

/** What creating did; `restored` is undefined when nothing was to be restored. */
export interface CreateResult extends ExportResult {
  readonly analyzed: Analyzed;
  readonly detected: DetectResult;
  readonly restored: RestoreResult | undefined;
}

/** All phases in a row, without extensions. Platform specification, creator. Throws what the phases throw. */
export async function create(inputs: CreateInputs, ports: CreatePorts): Promise<CreateResult> {
  const { features, layers, layoutDir } = inputs.analyze;
  const { ctx } = ports;

  ctx.logger.phase("ANALYZING");
  const analyzed = await analyze(inputs.analyze, ports);
  ports.analyzed?.(analyzed);

  ctx.logger.phase("DETECTING");
  const buildpackInputs = { ...inputs.detect(), target: analyzed.runImage?.target };
  const detected = await detect(buildpackInputs, { ctx });
  refuseExtensions(detected.group);
  ports.detected?.(detected);
  const { group, groupExtensions } = detected.group;

  let restored: RestoreResult | undefined;
  if (!inputs.skipRestore || features.storeWithSkippedLayers) {
    ctx.logger.phase("RESTORING");
    const recorded = { metadata: analyzed.metadata, skipLayers: inputs.skipRestore };
    restored = await restore({ features, buildpacks: group, layers: inputs.export.layers, ...recorded }, ports);
  }

  ctx.logger.phase("BUILDING");
  const metadata = await build({ ...buildpackInputs, group, groupExtensions, plan: detected.plan, layers }, ports);

  ctx.logger.phase("EXPORTING");
  const { image = "" } = analyzed.runImage ?? {};
  const exportInputs = {
    ...inputs.export,
    buildpacks: group,
    metadata,
    analyzed,
    ...analyzedImages(analyzed, layoutDir),
    runImageForExport: runImageForExport(inputs.runToml, image, groupExtensions.length > 0, maybeReference),
  };
  return { ...(await exportImage(exportInputs, ports)), analyzed, detected, restored };
}
