import { posix } from "node:path";
import { PassThrough } from "node:stream";
import { TspackError } from "../../errors.ts";
import { below, diskEntry, namesIn, writeDiskEntry } from "../../layers/disk-entry.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import type { Owner } from "../../layers/place.ts";
import { TarWriter } from "../../layers/tar-writer.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { byteString, type ByteString } from "../../oci/tar/byte-string.ts";
import type { ByteSink } from "../../stores/blob-cache.ts";
import { type EngineConnection, engineError } from "../../stores/engine/connection.ts";

/** A directory, or a single file, of this machine on its way into a container. */
export interface UploadedTree {
  /** Where it is here. */
  readonly source: string;
  /** What it is called there: `/workspace`. */
  readonly target: string;
  /** Who it belongs to there, whoever has it here. */
  readonly owner: Owner;
}

/** A small file for a container. */
export interface UploadedFile {
  /** Absolute. */
  readonly target: string;
  readonly content: string;
}

/**
 * Puts directories into a container that need not run. Of its own directories only the named ones
 * are changed. Throws `ENGINE_ERROR`, `EXPORT_FAILED` for what cannot be read, `CANCELED`.
 */
export async function uploadTree(
  engine: EngineConnection,
  container: string,
  tree: UploadedTree,
  signal: AbortSignal,
): Promise<void> {
  await put(
    engine,
    container,
    tarStream((sink) => writeTree(sink, tree, signal)),
    signal,
  );
}

/** Puts files into a container, with directories that anybody may enter. */
export async function uploadFiles(
  engine: EngineConnection,
  container: string,
  files: readonly UploadedFile[],
  signal: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const write = async (sink: ByteSink): Promise<void> => {
    const tar = new TarWriter(sink, signal);
    const owner = { uid: 0, gid: 0 };
    for (const { target, content } of files)
      await tar.entry({ name: target.slice(1), type: "file", mode: 0o644, ...owner }, Buffer.from(content));
    await tar.end();
  };
  await put(engine, container, tarStream(write), signal);
}

async function put(engine: EngineConnection, container: string, body: ByteStream, signal: AbortSignal): Promise<void> {
  const request = { method: "PUT", path: `/containers/${container}/archive?path=%2F`, body, signal } as const;
  const response = await engine.request(request);
  if (response.status >= 400) throw await engineError(engine.name, request, response);
  for await (const chunk of response.body) void chunk;
}

/**
 * Copies a directory of a container below a directory of this machine: `/layers` becomes
 * `<destination>/layers`. Everything belongs to the caller, and no link is followed out of it.
 * False when there is nothing of that name. Throws `ENGINE_ERROR`, `INVALID_TAR`, `CANCELED`.
 */
export async function downloadTree(
  engine: EngineConnection,
  container: string,
  path: string,
  destination: string,
  signal: AbortSignal,
): Promise<boolean> {
  const query = `path=${encodeURIComponent(path)}`;
  const request = { method: "GET", path: `/containers/${container}/archive?${query}`, signal } as const;
  const response = await engine.request(request);
  if (response.status === 404) {
    for await (const chunk of response.body) void chunk;
    return false;
  }
  if (response.status >= 400) throw await engineError(engine.name, request, response);
  await extractTar(response.body, destination, { mode: "copy", signal });
  return true;
}

async function writeTree(sink: ByteSink, { source, target, owner }: UploadedTree, signal: AbortSignal): Promise<void> {
  const tar = new TarWriter(sink, signal);
  const walk = async (path: ByteString, name: ByteString): Promise<void> => {
    for (const child of namesIn(path)) {
      const entry = diskEntry(below(path, child), below(name, child));
      const { stats } = entry;
      // Sockets, pipes and devices are of no use in an image, and of no harm when they are left out.
      if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) continue;
      await writeDiskEntry(tar, entry, owner);
      if (stats.isDirectory()) await walk(entry.path, entry.name);
    }
  };
  const root = diskEntry(byteString(posix.resolve(source)), byteString(target.slice(1)));
  if (root.stats.isDirectory()) {
    await tar.header({ name: target.slice(1), type: "dir", mode: 0o755, ...owner });
    await walk(root.path, root.name);
  } else await writeDiskEntry(tar, root, owner);
  await tar.end();
}

/** What a producer writes, as a stream that waits for its reader. */
async function* tarStream(produce: (sink: ByteSink) => Promise<void>): AsyncGenerator<Uint8Array, void, undefined> {
  const pipe = new PassThrough({ highWaterMark: 1 << 20 });
  const write = (bytes: Uint8Array): Promise<void> =>
    // The producer uses its buffer again, so its bytes are copied.
    new Promise((resolve, reject) => {
      pipe.write(Buffer.from(bytes), (error) => (error ? reject(error) : resolve()));
    });
  const failed = (error: unknown): void => {
    pipe.destroy(error instanceof Error ? error : new TspackError("ENGINE_ERROR", String(error)));
  };
  produce({ write }).then(() => pipe.end(), failed);
  yield* pipe as AsyncIterable<Uint8Array>;
}
