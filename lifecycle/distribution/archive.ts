import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { TarWriter } from "../layers/tar-writer.ts";
import { GzipWriter } from "../oci/gzip.ts";
import { byteString } from "../oci/tar/byte-string.ts";
import { lifecycleEntries, type LifecycleDistribution } from "./assemble.ts";

/** What was written. */
export interface WrittenArchive {
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes `lifecycle.toml` and the folder `lifecycle/` as a tgz, complete or not at all. Equal
 * parts give equal bytes. Throws `EXPORT_FAILED` when a file cannot be read.
 */
export async function writeLifecycleArchive(
  distribution: LifecycleDistribution,
  outFile: string,
  signal?: AbortSignal,
): Promise<WrittenArchive> {
  await mkdir(dirname(outFile), { recursive: true });
  const partial = `${outFile}.${randomUUID()}.partial`;
  const file = await open(partial, "wx", 0o644);
  const hash = createHash("sha256");
  let size = 0;
  try {
    const gzip = new GzipWriter(async (bytes) => {
      hash.update(bytes);
      size += bytes.length;
      await file.writeFile(bytes);
    });
    await writeTar(distribution, new TarWriter(gzip, signal));
    await gzip.finish();
    await file.close();
    await rename(partial, outFile);
  } catch (error) {
    await file.close();
    await rm(partial, { force: true });
    throw error;
  }
  return { size, sha256: hash.digest("hex") };
}

async function writeTar(distribution: LifecycleDistribution, tar: TarWriter): Promise<void> {
  const descriptor = { name: "lifecycle.toml", type: "file", mode: 0o644, uid: 0, gid: 0 } as const;
  await tar.entry(descriptor, Buffer.from(distribution.descriptor));
  for (const { content, path, ...header } of lifecycleEntries(distribution, "lifecycle")) {
    if (path === undefined) {
      await tar.entry(header, typeof content === "string" ? Buffer.from(content) : content);
      continue;
    }
    const source = await realpath(path);
    await tar.file({ ...header, size: (await stat(source)).size }, byteString(source));
  }
  await tar.end();
}
