import { InputError } from "../errors.ts";
import type { ImageOutput } from "../platform/output/write-where.ts";

/** Where `--output` and `--publish` send what was made. Throws `INVALID_ARGUMENTS` when they do not agree. */
export function imageOutput({
  publish,
  output,
}: {
  readonly publish?: boolean;
  readonly output?: ImageOutput;
}): ImageOutput {
  if (publish !== true) return output ?? "local";
  if (output === undefined || output === "registry") return "registry";
  const issue = { source: "--output", path: "", expected: "registry, or nothing, beside --publish", got: output };
  throw new InputError("INVALID_ARGUMENTS", "the image can not go to two places", [issue]);
}
