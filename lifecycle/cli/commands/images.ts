import { TspackError } from "../../errors.ts";
import { seemsToHaveEngine } from "../../platform/image-places/open-places.ts";
import { readDuration } from "../duration.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, familiarName, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** `tspack images list`: the names in the local store. */
export async function listImages(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions & { readonly json?: boolean },
): Promise<void> {
  const { local, places } = openToolbox(host, options);
  const names = await local.list();
  const rows = await Promise.all(
    names.map(async ({ ref, digest, platform }) => {
      const image = await local.resolve({ ...ref, digest });
      const layers = image === undefined ? [] : (await image.manifest()).value.layers;
      const size = layers.reduce((sum, layer) => sum + layer.size, 0);
      return {
        name: familiarName(ref),
        digest,
        architecture: platform?.architecture ?? "",
        size,
      };
    }),
  );
  if (options.json === true) return host.stdout(`${JSON.stringify(rows, undefined, 2)}\n`);
  if (rows.length === 0) return host.stdout(`no images in ${places.images}\n`);
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, digest, size } of rows)
    host.stdout(`${name.padEnd(width)}  ${digest.slice(0, 19)}  ${formatBytes(size).padStart(8)}\n`);
}

/** `tspack images rm`: forgets names; what no name leads to any more is removed later. */
export async function removeImages(host: TspackHost, names: readonly string[], options: CommonOptions): Promise<void> {
  const tools = openToolbox(host, options);
  const { local } = tools;
  const missing: string[] = [];
  // A bad name is told before any is gone.
  for (const ref of names.map((name) => imageArgument(name)))
    if (!(await local.delete(ref))) missing.push(ref.original);
  if (missing.length === 0) return;
  const engine = seemsToHaveEngine(tools) ? "; a container engine has its own: docker rmi, podman rmi" : "";
  throw new TspackError("IMAGE_NOT_FOUND", `not in the local store: ${missing.join(", ")}`, {
    hint: `tspack images list shows what is${engine}`,
  });
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
