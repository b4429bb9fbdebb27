import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { makeDirectory } from "../make-directory.ts";
import { systemMessage } from "../system-message.ts";
import type { ExportInputs } from "./inputs.ts";
import { ownPlace } from "./own-directory.ts";

const formats: readonly string[] = ["sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"];
const defaultDir = "/cnb/lifecycle";

/**
 * Puts the SBOMs of the lifecycle and of the launcher beside those of the buildpacks, in
 * `<layers>/sbom`. What is missing is warned about. Platform API 0.11.
 */
export function copyLifecycleSboms(
  { features, layers, launcher }: Pick<ExportInputs, "features" | "layers" | "launcher">,
  logger: Logger,
): void {
  if (!features.lifecycleSboms) return;
  const from = launcher.lifecycleDir ?? defaultDir;
  const build = ownPlace(layers, "sbom", "build", "buildpacksio_lifecycle");
  const launch = ownPlace(layers, "sbom", "launch", "buildpacksio_lifecycle", "launcher");
  copyComponent("lifecycle", from, build, logger);
  if (launcher.sbomDir === undefined || launcher.sbomDir === "" || launcher.sbomDir === from) {
    copyComponent("launcher", from, launch, logger);
  } else {
    copyAll(launcher.sbomDir, launch.path, logger);
  }
}

function copyComponent(
  component: string,
  from: string,
  to: { readonly path: string; readonly name: string },
  logger: Logger,
): void {
  for (const format of formats) {
    const file = `${component}.${format}`;
    if (!existsSync(join(from, file))) {
      logger.warn(`Did not find SBOM ${file} in ${from}`);
      continue;
    }
    makeDirectory(to.path);
    logger.debug(`Copying SBOM ${file} to ${join(to.name, format)}`);
    copyContent(join(from, file), join(to.path, format));
  }
}

/** A directory that the platform names may have any files; those that look like SBOMs are taken. */
function copyAll(from: string, to: string, logger: Logger): void {
  const files = listDirectory(from, logger)
    .filter((entry) => !entry.isDirectory() && formats.some((format) => entry.name.endsWith(format)))
    .map(({ name }) => name);
  makeDirectory(to);
  for (const file of files) copyContent(join(from, file), join(to, file));
}

/**
 * The mode is that of a new file, as it was in the reference's layer, and not the original's. What
 * was there before goes first: a buildpack may have left a link that leads elsewhere.
 */
function copyContent(from: string, to: string): void {
  rmSync(to, { force: true });
  writeFileSync(to, readFileSync(from), { flag: "wx" });
}

function listDirectory(path: string, logger: Logger) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    logger.warn(`Failed to list contents of directory ${path}`);
    const message = `failed to copy buildpacksio SBOMs: open ${path}: ${systemMessage(cause)}`;
    throw new TspackError("EXPORT_FAILED", message, {
      cause,
      hint: "-launcher-sbom names a directory with SBOM files",
    });
  }
}
