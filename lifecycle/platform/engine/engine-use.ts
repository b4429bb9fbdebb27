import type { BuildRequest } from "../build/request.ts";

/**
 * What of a build happens in containers of an engine: nothing; the buildpacks, with everything
 * else here; or all phases. All of them where the result stays in the engine or a registry, which
 * is what people know from there; else what the image is made of has to come here anyway, as for a
 * dry run: phases in containers can only write, and our own export can only plan, too.
 */
export function engineUse(request: BuildRequest): "none" | "buildpacks" | "phases" {
  const { runner = "auto", output, dryRun } = request;
  const kind = output?.kind ?? "local";
  if (runner !== "engine" && !(runner === "auto" && kind === "engine")) return "none";
  return (kind === "engine" || kind === "registry") && dryRun !== true ? "phases" : "buildpacks";
}
