import { existsSync } from "node:fs";
import { decodeRunToml, decodeStackToml, type RunImageForExport, type RunToml } from "../../cnb/files/run-toml.ts";
import { TspackError } from "../../errors.ts";
import { readSpecFile } from "../../phases/files.ts";
import type { Session } from "./session.ts";

/**
 * The run images that the builder names, best first: `run.toml`, below Platform API 0.12 the one
 * of `stack.toml`; none without the file. Throws `INVALID_TOML`, `INVALID_BUILDER`.
 */
export function declaredRunImages({ features, options, ctx }: Session): RunToml {
  const [path, what] = features.runToml ? [options.run, "run"] : [options.stack, "stack"];
  if (!existsSync(path)) {
    ctx.logger.info(`No ${what} metadata found at path ${JSON.stringify(path)}`);
    return { images: [] };
  }
  if (features.runToml) return readSpecFile(path, what, decodeRunToml);
  return { images: [readSpecFile(path, what, decodeStackToml)] };
}

/** The first of them, for the analyzer. Throws `INVALID_ARGUMENTS` for a file that can not be read. */
export function declaredRunImage(session: Session): RunImageForExport | undefined {
  try {
    return declaredRunImages(session).images[0];
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    throw new TspackError("INVALID_ARGUMENTS", `failed to resolve inputs: ${cause.message}`, {
      cause,
      hint: cause.hint,
    });
  }
}
