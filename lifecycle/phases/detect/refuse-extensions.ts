import { elementName, type Group } from "../../cnb/files/group.ts";
import { TspackError } from "../../errors.ts";

/**
 * The creator has one process and one user, and nothing extends the image that it runs in. Throws
 * `EXTENSIONS_UNSUPPORTED` when the group has extensions. Platform specification, creator.
 */
export function refuseExtensions({ groupExtensions }: Group): void {
  if (groupExtensions.length === 0) return;
  const message = "failed to detect: detected order contains extensions which is not supported by the creator";
  const names = groupExtensions.map(elementName).join(", ");
  throw new TspackError("EXTENSIONS_UNSUPPORTED", message, {
    hint: `${names} change the base image: run the phases one by one, or use a builder without extensions`,
  });
}
