import { InputError } from "../../errors.ts";
import { hostVolumes } from "../build/volumes.ts";
import type { RunnerVolume } from "../runners/runner.ts";
import type { Tools } from "../tools.ts";

/** Directories that the sandbox makes itself. */
const rules = { reserved: ["/proc", "/dev", "/sys"], filledBy: "the sandbox", mode: "rw" } as const;

/**
 * Reads `--volume HOST:TARGET[:ro|rw]` of an image that is run: writable unless it says `ro`, as in
 * containers. A path has to be there; a name is a directory that tspack keeps, the same as for builds.
 * Throws `INVALID_ARGUMENTS` with every problem.
 */
export async function runVolumes(
  given: readonly string[],
  tools: Pick<Tools, "machine" | "places">,
): Promise<readonly RunnerVolume[]> {
  const issues = given
    .filter((text) => !["", "ro", "rw"].includes(text.split(":")[2] ?? ""))
    .map((text) => ({
      source: "--volume",
      path: "",
      expected: "HOST:TARGET, HOST:TARGET:ro or HOST:TARGET:rw; other options are an engine's",
      got: JSON.stringify(text),
    }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "volumes can not be mounted", issues);
  return hostVolumes(given, undefined, tools, rules);
}
