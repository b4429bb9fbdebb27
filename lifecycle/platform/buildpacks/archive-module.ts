import { randomUUID } from "node:crypto";
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import { inflate } from "../../oci/blob-layer.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { readLayout } from "../../stores/layout/read-layout.ts";
import { removeTree } from "../rootfs.ts";
import { directoryModule } from "./directory-module.ts";
import { descriptorFile, type ModuleKind, type ModulePorts, type ModuleSet } from "./module.ts";
import { packageModules } from "./package-module.ts";

/** Bytes that an archive may unpack to: no buildpack comes near it, and a bomb does not fill the disk. */
const largestArchive = 8 * 1024 ** 3;

/**
 * The buildpacks of a file: a tar of a buildpack's directory, or a `.cnb` file, which is a tar of
 * an OCI layout; both may be compressed with gzip. What is in the file decides, not its name.
 * Throws `INVALID_BUILDPACK`, `INVALID_TAR`, `DIGEST_MISMATCH`.
 */
export async function archiveModules(
  file: string,
  source: string,
  kind: ModuleKind,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const scratch = join(ports.modulesDir, `.archive-${randomUUID()}`);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  try {
    await requireTar(file, source);
    await extractTar(plainTar(file, source), scratch, { mode: "image", signal: ports.ctx.signal });
    if (existsSync(join(scratch, "oci-layout"))) {
      const image = await readLayout(scratch);
      if (image === undefined) throw notArchive(source, kind);
      return await packageModules(image, source, kind, ports);
    }
    const directory = moduleRoot(scratch, kind);
    if (directory === undefined) throw notArchive(source, kind);
    const { blobs, platform, ctx } = ports;
    const main = await directoryModule(directory, kind, blobs, { signal: ctx.signal, platform });
    return { main, dependencies: [] };
  } finally {
    await removeTree(scratch);
  }
}

/** The directory itself, or the only one in it: how forges pack a repository. */
function moduleRoot(scratch: string, kind: ModuleKind): string | undefined {
  const has = (directory: string): boolean => existsSync(join(directory, descriptorFile(kind)));
  if (has(scratch)) return scratch;
  const [only, ...others] = readdirSync(scratch, { withFileTypes: true });
  if (only === undefined || others.length > 0 || !only.isDirectory()) return undefined;
  return has(join(scratch, only.name)) ? join(scratch, only.name) : undefined;
}

function notArchive(source: string, kind: ModuleKind): TspackError {
  return new TspackError(
    "INVALID_BUILDPACK",
    `${source} has neither a ${descriptorFile(kind)} nor an OCI layout in it`,
    {
      hint: `a ${kind} is a tar (.tgz) with ${descriptorFile(kind)} at its top, or a .cnb file`,
    },
  );
}

/** Anything could be given; a tar's and gzip's first bytes are told from a web page's. */
async function requireTar(path: string, source: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const isGzip = buffer[0] === 0x1f && buffer[1] === 0x8b;
    const isTar = bytesRead === 512 && buffer.toString("latin1", 257, 262) === "ustar";
    if (isGzip || isTar) return;
  } finally {
    await file.close();
  }
  throw new TspackError("INVALID_BUILDPACK", `${source} is no tar, plain or compressed with gzip`, {
    hint: "a buildpack is a directory, a .tgz, a .cnb file or an image",
  });
}

async function* plainTar(file: string, source: string): ByteStream {
  let size = 0;
  for await (const chunk of inflate(createReadStream(file), { digest: source as Digest })) {
    size += chunk.length;
    if (size > largestArchive)
      throw new TspackError("INVALID_BUILDPACK", `${source} unpacks to more than ${largestArchive} bytes`);
    yield chunk;
  }
}
