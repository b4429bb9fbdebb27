import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildpackFeatures } from "../../cnb/api/buildpack.ts";
import { type BomEntry, checkBom } from "../../cnb/files/bom.ts";
import { decodeBuildToml, noBuildToml } from "../../cnb/files/build-toml.ts";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import {
  decodeLaunchToml,
  ignoredWorkingDirectories,
  type LaunchToml,
  noLaunchToml,
} from "../../cnb/files/launch-toml.ts";
import type { LayerToml } from "../../cnb/files/layer-toml.ts";
import type { BuildpackPlan } from "../../cnb/files/plan.ts";
import { metNames } from "../../cnb/plan.ts";
import { TspackError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { TomlDocument } from "../../toml.ts";
import { readTomlFile } from "../files.ts";
import { reasonOf } from "../reason.ts";
import { findSboms, isSbomName, type SbomFile } from "./sbom-files.ts";
import { checkUnmet } from "./unmet.ts";

/** What one buildpack left behind. Buildpack specification, build. */
export interface BuildpackOutputs {
  readonly buildpackId: string;
  readonly metNames: readonly string[];
  readonly sboms: readonly SbomFile[];
  readonly processes: LaunchToml["processes"];
  readonly slices: LaunchToml["slices"];
  readonly labels: LaunchToml["labels"];
  readonly launchBom: readonly BomEntry[];
  readonly buildBom: readonly BomEntry[];
}

/** One buildpack whose `bin/build` has ended. */
export interface BuiltBuildpack {
  readonly descriptor: BuildpackDescriptor;
  readonly features: BuildpackFeatures;
  /** `<layers>/<escaped id>`. */
  readonly layersDir: string;
  readonly layers: ReadonlyMap<string, LayerToml>;
  readonly plan: BuildpackPlan;
}

/** Reads `build.toml`, `launch.toml` and the SBOM files. Throws `BUILD_FAILED`. */
export function readOutputs(built: BuiltBuildpack, logger: Logger): BuildpackOutputs {
  const { descriptor, layersDir, layers, plan } = built;
  const build = readOptional(join(layersDir, "build.toml"), (file) => {
    const content = decodeBuildToml(file, descriptor);
    // The reference looks at this file twice, and whoever counts its warnings counts two.
    warnOfBom(content.bom, built, logger);
    judgeBom(content.bom, built, file.source, logger);
    return content;
  });
  const unmet = build?.unmet ?? noBuildToml.unmet;
  checkUnmet(unmet, plan);
  const sboms = findSboms(layersDir, descriptor, layers);
  const launch =
    readOptional(join(layersDir, "launch.toml"), (file) => readLaunch(file, built, logger)) ?? noLaunchToml;
  return {
    buildpackId: descriptor.id,
    metNames: metNames(plan, unmet),
    sboms,
    processes: launch.processes,
    slices: launch.slices,
    labels: launch.labels,
    launchBom: launch.bom,
    buildBom: build?.bom ?? noBuildToml.bom,
  };
}

function readOptional<T>(path: string, read: (file: TomlDocument) => T): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return read(readTomlFile(path));
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    throw new TspackError("BUILD_FAILED", reasonOf(cause), { cause, hint: cause.hint });
  }
}

function readLaunch(file: TomlDocument, built: BuiltBuildpack, logger: Logger): LaunchToml {
  const launch = decodeLaunchToml(file, built.features, built.descriptor);
  judgeBom(launch.bom, built, file.source, logger);
  for (const type of ignoredWorkingDirectories(file, built.features)) {
    logger.warn(
      "Warning: process working directory isn't supported in this buildpack api version. " +
        `Ignoring working directory for process '${type}'`,
    );
  }
  return launch;
}

function judgeBom(bom: readonly BomEntry[], built: BuiltBuildpack, source: string, logger: Logger): void {
  warnOfBom(bom, built, logger);
  checkBom(bom, source);
}

/** The old bill of materials is still taken, but not silently when there is no new one beside it. */
function warnOfBom(bom: readonly BomEntry[], { layersDir }: BuiltBuildpack, logger: Logger): void {
  if (bom.length > 0 && !readdirSync(layersDir).some(isSbomName)) {
    logger.warn(
      "BOM table is deprecated in this buildpack api version, though it remains supported for backwards compatibility. " +
        "Buildpack authors should write BOM information to <layer>.sbom.<ext>, launch.sbom.<ext>, or build.sbom.<ext>.",
    );
  }
}
