import { join } from "node:path";
import type { ExtendArg } from "../../cnb/files/extend-config.ts";
import { escapeId } from "../../cnb/ids.ts";
import { InputError, type InputIssue, TspackError } from "../../errors.ts";
import { silentLogger } from "../../logger.ts";
import { checkDockerfile } from "../generate/check-dockerfile.ts";
import type { Dockerfile } from "./dockerfile.ts";
import { readDockerfile, readExtendConfig } from "./generated-files.ts";
import type { ExtendInputs } from "./inputs.ts";

/** A Dockerfile that is to be applied. */
export interface ExtensionDockerfile {
  readonly extensionId: string;
  readonly path: string;
  readonly dockerfile: Dockerfile;
  /** Build arguments of its `extend-config.toml`. */
  readonly args: readonly ExtendArg[];
}

/** The Dockerfiles for an image, in the order of the group. Throws `INVALID_DOCKERFILE`, `INVALID_TOML`. */
export function extensionDockerfiles({ features, kind, extensions, generatedDir }: ExtendInputs) {
  return extensions.flatMap(({ id }): readonly ExtensionDockerfile[] => {
    const [directory, name] = features.generatedById
      ? [join(generatedDir, escapeId(id)), `${kind}.Dockerfile`]
      : [join(generatedDir, kind, escapeId(id)), "Dockerfile"];
    const path = join(directory, name);
    try {
      const dockerfile = readDockerfile(path);
      if (dockerfile === undefined) return [];
      // Whoever can write <generated> may have changed it since; what it warns about was said by the detector.
      checkDockerfile(dockerfile, kind, silentLogger);
      return [{ extensionId: id, path, dockerfile, args: readExtendConfig(directory)[kind] }];
    } catch (cause) {
      if (!(cause instanceof TspackError)) throw cause;
      throw new TspackError(cause.code, `parsing ${path}: ${cause.message}`, { cause, hint: cause.hint });
    }
  });
}

/**
 * Refuses Dockerfiles that nothing here can apply, with every such instruction. Throws `EXTEND_FAILED`.
 */
export function refuseInstructions(dockerfiles: readonly ExtensionDockerfile[], applicable: readonly string[]): void {
  const issues = dockerfiles.flatMap(({ path, dockerfile }): readonly InputIssue[] =>
    dockerfile.instructions
      .filter(({ name }) => !applicable.includes(name))
      .map(({ name, line }) => ({
        source: `${path}:${line}`,
        path: "",
        expected: `one of ${applicable.join(", ")}`,
        got: name,
      })),
  );
  if (issues.length === 0) return;
  const names = [...new Set(issues.map(({ got }) => got))].join(", ");
  const message = `applying Dockerfile to image: this lifecycle has no executor for ${names}`;
  throw new InputError("EXTEND_FAILED", message, issues, {
    hint: "extensions may switch the run image (FROM) and set variables, labels and the user; everything else needs another lifecycle",
  });
}
