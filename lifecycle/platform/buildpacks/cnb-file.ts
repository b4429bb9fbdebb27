import type { Context } from "../../context.ts";
import { errorCode, TspackError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { archiveSink } from "../archives/archive-sink.ts";

/**
 * Writes a `.cnb` file: a tar of an OCI image layout with one image, which has no name in it.
 * Distribution specification, buildpackage file. The same image gives the same bytes; the file is
 * there completely or not at all. Returns the digest of the manifest. Throws `DISK_FULL`,
 * `CANCELED`, `INVALID_ARGUMENTS` for a path that can not be written.
 */
export async function writeCnbFile(path: string, image: Image, ctx: Context): Promise<Digest> {
  try {
    return (await archiveSink("oci-archive", path).write(image, [], { ctx })).digest;
  } catch (error) {
    if (!["EACCES", "EROFS", "EISDIR", "ENOTDIR"].includes(errorCode(error) ?? "")) throw error;
    throw new TspackError("INVALID_ARGUMENTS", `${path} can not be written`, { cause: error });
  }
}
