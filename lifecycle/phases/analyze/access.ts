import { TspackError } from "../../errors.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { AccessCheck } from "../../stores/store.ts";
import type { AnalyzeInputs, AnalyzePorts } from "./inputs.ts";

/**
 * Asks every registry up front whether reading and writing will be allowed, so that a wrong
 * password costs seconds and not a whole build. Throws `ANALYZE_FAILED`.
 */
export async function checkRegistryAccess(
  inputs: AnalyzeInputs,
  { access, cacheAccess }: AnalyzePorts,
  previousImage: ImageRef | undefined,
): Promise<void> {
  for (const ref of [previousImage, inputs.runImage]) await check(access, ref, "read");
  await check(cacheAccess, inputs.cacheImage, "write");
  for (const ref of inputs.outputImages) await check(access, ref, "write");
}

async function check(
  access: AccessCheck | undefined,
  ref: ImageRef | undefined,
  want: "read" | "write",
): Promise<void> {
  if (access === undefined || ref === undefined) return;
  try {
    await access.checkAccess(ref, want);
  } catch (cause) {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    const right = want === "read" ? "read" : "read/write";
    throw new TspackError(
      "ANALYZE_FAILED",
      `failed to initialize analyzer: validating registry ${want} access: ` +
        `failed to ensure registry ${right} access to ${ref.original}: ${cause.message}`,
      { cause, hint: cause.hint ?? "log in to the registry, or check the image's name and your rights" },
    );
  }
}
