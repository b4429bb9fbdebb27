import { TspackError } from "../../errors.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { OpenEngine } from "../../platform/engine/open-engine.ts";
import { seemsToHaveEngine } from "../../platform/image-places/open-places.ts";
import type { ImageDeleter } from "../../stores/store.ts";
import { readDuration } from "../duration.ts";
import { formatBytes } from "../progress.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  type Toolbox,
  type TspackHost,
} from "../toolbox.ts";

/** Options of `tspack images list` and `rm`. */
export interface EngineImagesOptions extends CommonOptions {
  /** The container engine whose images are meant, too. */
  readonly dockerHost?: string;
}

/** `tspack images list`: the names in the local store and, with `--docker-host`, those of a container engine. */
export async function listImages(
  host: TspackHost,
  _args: readonly string[],
  options: EngineImagesOptions & { readonly json?: boolean },
): Promise<void> {
  const tools = openToolbox(host, options);
  const rows = [...(await localRows(tools)), ...(await engineRows(tools, options))];
  if (options.json === true) return host.stdout(`${JSON.stringify(rows, undefined, 2)}\n`);
  if (rows.length === 0) return host.stdout(`no images in ${tools.places.images}\n`);
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, digest, size, engine } of rows) {
    const where = engine === undefined ? "" : `  (${engine})`;
    host.stdout(`${name.padEnd(width)}  ${digest.slice(0, 19)}  ${formatBytes(size).padStart(8)}${where}\n`);
  }
}

interface ImageRow {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  readonly architecture?: string;
  readonly engine?: string;
}

async function localRows({ local }: Toolbox): Promise<readonly ImageRow[]> {
  return Promise.all(
    (await local.list()).map(async ({ ref, digest, platform }) => {
      const image = await local.resolve({ ...ref, digest });
      const layers = image === undefined ? [] : (await image.manifest()).value.layers;
      const size = layers.reduce((sum, layer) => sum + layer.size, 0);
      return { name: familiarName(ref), digest, architecture: platform?.architecture ?? "", size };
    }),
  );
}

async function engineRows(tools: Toolbox, { dockerHost }: EngineImagesOptions): Promise<readonly ImageRow[]> {
  if (dockerHost === undefined) return [];
  const { engineNames } = await import("../../platform/engine/engine-names.ts");
  return withEngineOf(tools, dockerHost, async ({ connection, name: engine }) =>
    (await engineNames(connection)).map(({ id, ...row }) => ({ ...row, digest: id, engine })),
  );
}

async function withEngineOf<T>(tools: Toolbox, host: string, work: (engine: OpenEngine) => Promise<T>): Promise<T> {
  const { namedEngine, openSoon } = await import("../../platform/engine/open-soon.ts");
  const { env } = tools.machine;
  const engine = await openSoon(namedEngine(env, host), env, tools.ctx.signal);
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/**
 * `tspack images rm`: forgets names in the local store, where what no name leads to any more is removed later,
 * or with `--docker-host` in a container engine and there only.
 */
export async function removeImages(
  host: TspackHost,
  names: readonly string[],
  options: EngineImagesOptions,
): Promise<void> {
  const tools = openToolbox(host, options);
  // A bad name is told before any is gone.
  const refs = names.map((name) => imageArgument(name));
  const { dockerHost } = options;
  if (dockerHost !== undefined) return removeFromEngine(refs, dockerHost, tools);
  const missing = await deleteAll(refs, tools.local);
  if (missing.length === 0) return;
  const engine = seemsToHaveEngine(tools) ? "; --docker-host inherit means those of the container engine" : "";
  throw new TspackError("IMAGE_NOT_FOUND", `not in the local store: ${missing.join(", ")}`, {
    hint: `tspack images list shows what is${engine}`,
  });
}

async function removeFromEngine(refs: readonly ImageRef[], host: string, tools: Toolbox): Promise<void> {
  const { engineStore } = await import("../../stores/engine/engine-store.ts");
  await withEngineOf(tools, host, async ({ connection, name }) => {
    const directory = (): never => {
      throw new Error("no layer is read to remove an image");
    };
    const missing = await deleteAll(refs, engineStore({ engine: connection, directory }));
    if (missing.length === 0) return;
    throw new TspackError("IMAGE_NOT_FOUND", `not in ${name}: ${missing.join(", ")}`, {
      hint: "tspack images list with the same --docker-host shows what is",
    });
  });
}

async function deleteAll(refs: readonly ImageRef[], store: ImageDeleter): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const ref of refs) if (!(await store.delete(ref))) missing.push(ref.original);
  return missing;
}

/** `tspack images prune`: removes what no name leads to any more. */
export async function pruneImages(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions & { readonly olderThan?: string; readonly dryRun?: boolean; readonly json?: boolean },
): Promise<void> {
  const { local } = openToolbox(host, options);
  const { dryRun = false, olderThan = "1h" } = options;
  const grace = readDuration(olderThan, "--older-than");
  const { blobs, bytes } = await local.prune({ grace, dryRun });
  if (options.json === true) return host.stdout(`${JSON.stringify({ blobs, bytes, dryRun })}\n`);
  host.stdout(`${dryRun ? "Would remove" : "Removed"} ${blobs} blobs, ${formatBytes(bytes)}\n`);
}
