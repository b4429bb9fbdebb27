import type { RunToml } from "../../cnb/files/run-toml.ts";
import { hasName } from "../../cnb/run-image.ts";
import { TspackError } from "../../errors.ts";
import { maybeReference } from "../../oci/reference.ts";
import type { AccessCheck } from "../../stores/store.ts";

/**
 * Checks that the run image that analysis chose can still be read, so that a build does not end with
 * an export that cannot. One that `run.toml` does not name was chosen by an extension and is not
 * looked at. Platform specification, restorer, from Platform API 0.14. Throws the code of the access check.
 */
export async function checkRunImage(image: string, run: RunToml, access: AccessCheck | undefined): Promise<void> {
  const ref = maybeReference(image);
  if (access === undefined || ref === undefined) return;
  if (!run.images.some((declared) => hasName(declared, image, maybeReference))) return;
  try {
    await access.checkAccess(ref, "read");
  } catch (cause) {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    throw new TspackError(cause.code, `selected run image '${image}' is not accessible`, { cause, hint: cause.hint });
  }
}
