import type { ContainerConfig } from "../oci/image-config.ts";
import { editContainer, layerHistory, mutate } from "../oci/mutate.ts";
import { editConfig } from "../oci/mutate.ts";
import { TspackError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Image } from "../oci/image.ts";
import { applyDockerfile, configInstructions } from "./extend/apply-dockerfile.ts";
import { extensionDockerfiles, type ExtensionDockerfile, refuseInstructions } from "./extend/extension-dockerfiles.ts";
import type { ExtendInputs, ExtendPorts, ExtendResult } from "./extend/inputs.ts";
import { phaseError } from "./reason.ts";

export type { ImageKind } from "./extend/generated-files.ts";
export type { ExtendInputs, ExtendPorts, ExtendResult } from "./extend/inputs.ts";

const rebasableLabel = "io.buildpacks.rebasable";

/**
 * Applies the Dockerfiles of the group's extensions to the build or the run image. Instructions
 * that only change the configuration are applied; all others are refused by name, because nothing
 * here executes them. Platform specification, extender. Throws `EXTEND_FAILED`, `CANCELED`.
 */
export async function extend(inputs: ExtendInputs, ports: ExtendPorts): Promise<ExtendResult> {
  const { kind } = inputs;
  try {
    const dockerfiles = extensionDockerfiles(inputs);
    refuseInstructions(dockerfiles, configInstructions);
    if (kind === "build" && dockerfiles.length === 0) return { image: undefined };
    return { image: await extendImage(await ports.base(), dockerfiles, inputs, ports) };
  } catch (error) {
    throw phaseError(error, "EXTEND_FAILED", `extend ${kind} image`, []);
  }
}

async function extendImage(
  base: Image,
  dockerfiles: readonly ExtensionDockerfile[],
  { kind }: ExtendInputs,
  { buildId, ctx: { logger } }: ExtendPorts,
): Promise<Image> {
  const [{ value }, { digest }] = await Promise.all([base.config(), base.manifest()]);
  const original = value.config ?? {};
  let config = original;
  let rebasable = true;
  for (const dockerfile of dockerfiles) {
    const { user, group } = userOf(config);
    const args = [
      { name: "build_id", value: buildId() },
      { name: "user_id", value: user },
      { name: "group_id", value: group },
      ...dockerfile.args,
      { name: "base_image", value: `base@${digest}` },
    ];
    logger.debug(`Applying Dockerfile at ${dockerfile.path} to 'base@${digest}'...`);
    config = applyDockerfile(dockerfile, config, args);
    rebasable &&= isTrue(config.Labels?.[rebasableLabel]);
    config = { ...config, Labels: { ...config.Labels, [rebasableLabel]: String(rebasable) } };
    if (isRoot(userOf(config).user)) {
      const change = `Extension from ${dockerfile.path} changed the user ID from ${user} to ${userOf(config).user}`;
      logger.warn(`${change}; this must not be the final user ID (a following extension must reset the user).`);
    }
  }
  checkUser(original, config, kind, logger);
  return mutate(
    base,
    editContainer(() => config),
    (parts) => editConfig((whole) => ({ ...whole, history: layerHistory(whole.history, parts.layers.length) }))(parts),
  );
}

/** A run image whose user is root would run the application as root. */
function checkUser(original: ContainerConfig, config: ContainerConfig, kind: "build" | "run", logger: Logger): void {
  const [before, after] = [userOf(original).user, userOf(config).user];
  if (kind === "run" && isRoot(after)) {
    throw new TspackError(
      "EXTEND_FAILED",
      "extending run image: the final user ID is 0 (root); please add another extension that resets the user to non-root",
      { hint: "end the run.Dockerfile with ARG user_id and USER ${user_id}" },
    );
  }
  if (after !== before) {
    logger.warn(`The original user ID was ${before} but the final extension left the user ID set to ${after}.`);
  }
}

function userOf({ User = "" }: ContainerConfig): { readonly user: string; readonly group: string } {
  const [user = "", group = ""] = User.split(":");
  return { user, group };
}

function isRoot(user: string): boolean {
  return user === "0" || user === "root";
}

/** As Go reads a boolean. */
function isTrue(text: string | undefined): boolean {
  return ["1", "t", "T", "TRUE", "true", "True"].includes(text ?? "");
}
