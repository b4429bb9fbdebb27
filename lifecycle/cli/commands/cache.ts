import { InputError } from "../../errors.ts";
import type { KeptVolume } from "../../platform/engine/kept-volumes.ts";
import { type CacheItem, cacheItems, type CacheKind } from "../../platform/store/cache-items.ts";
import { pruneCaches } from "../../platform/store/prune-caches.ts";
import { readDuration } from "../duration.ts";
import { formatBytes } from "../progress.ts";
import { textTable } from "../text-table.ts";
import { type CommonOptions, openToolbox, type Toolbox, type TspackHost } from "../toolbox.ts";

/** `tspack cache list`: what is kept to be faster the next time. */
export async function listCaches(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions & { readonly json?: boolean; readonly dockerHost?: string },
): Promise<void> {
  const tools = openToolbox(host, options);
  const { places, ctx } = tools;
  const { keptVolumes } = await import("../../platform/engine/kept-volumes.ts");
  const items = [...(await cacheItems(places)), ...(await keptVolumes(tools, options.dockerHost)).map(asItem)];
  if (options.json === true) return host.stdout(`${JSON.stringify(items.map(plain), undefined, 2)}\n`);
  if (items.length === 0) return host.stdout("nothing is kept\n");
  const now = ctx.clock().getTime();
  const total = bytesOf(items);
  const rows = items.map((item) => [item.kind, sizeText(item.bytes), ageText(now - item.used), nameText(item)]);
  host.stdout(textTable([["KIND", "SIZE", "USED", "NAME"], ...rows, ["all", formatBytes(total), "", ""]]));
}

/** Options of `tspack cache prune`. */
export interface CachePruneOptions extends CommonOptions {
  readonly olderThan?: string;
  readonly all?: boolean;
  readonly only?: readonly CacheKind[];
  readonly maxBlobs?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly dockerHost?: string;
}

/** Something that is kept here, or by a container engine, which may not tell how large it is. */
interface Shown extends Omit<CacheItem, "path" | "bytes"> {
  readonly path?: string;
  readonly engine?: string;
  readonly bytes: number | undefined;
}

/** `tspack cache prune`: removes what was not used for long. */
export async function pruneCache(
  host: TspackHost,
  _args: readonly string[],
  options: CachePruneOptions,
): Promise<void> {
  const tools = openToolbox(host, options);
  const { all = false, olderThan, only, maxBlobs, dryRun = false } = options;
  if (all && olderThan !== undefined) {
    const issue = { source: "--all", path: "", expected: "to stand without --older-than", got: olderThan };
    throw new InputError("INVALID_ARGUMENTS", "--all is everything, however old", [issue]);
  }
  const age = all ? 0 : readDuration(olderThan ?? "30d", "--older-than");
  const removed: readonly Shown[] = await pruneCaches(
    {
      olderThan: age,
      kinds: only,
      maxBlobBytes: maxBlobs === undefined ? undefined : readSize(maxBlobs),
      dryRun,
    },
    tools,
  );
  tell(host, [...removed, ...(await volumesOf(options, age, tools))], options);
}

async function volumesOf(
  { only, dryRun = false, dockerHost }: CachePruneOptions,
  olderThan: number,
  tools: Toolbox,
): Promise<readonly Shown[]> {
  if (only !== undefined && !only.includes("volume")) return [];
  const { pruneVolumes } = await import("../../platform/engine/kept-volumes.ts");
  return (await pruneVolumes({ olderThan, dryRun }, tools, dockerHost)).map(asItem);
}

function tell(host: TspackHost, removed: readonly Shown[], { dryRun = false, json }: CachePruneOptions): void {
  if (json === true) return host.stdout(`${JSON.stringify({ dryRun, removed: removed.map(plain) }, undefined, 2)}\n`);
  if (removed.length > 0)
    host.stdout(textTable(removed.map((item) => [item.kind, sizeText(item.bytes), nameText(item)])));
  host.stdout(`${dryRun ? "Would free" : "Freed"} ${formatBytes(bytesOf(removed))}\n`);
}

function asItem(volume: KeptVolume): Shown {
  return { kind: "volume", ...volume };
}

function plain({ kind, name, path, engine, bytes, used }: Shown): object {
  const where = engine === undefined ? { path } : { engine };
  // JSON has no undefined: a size that is not known is null.
  return { kind, name, ...where, bytes: bytes ?? null, used: new Date(used).toISOString() };
}

function bytesOf(items: readonly Shown[]): number {
  return items.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}

function sizeText(bytes: number | undefined): string {
  return bytes === undefined ? "?" : formatBytes(bytes);
}

function nameText({ name, engine }: Shown): string {
  return engine === undefined ? name : `${name} (${engine})`;
}

function ageText(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

const sizes: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Reads a size such as `500M` or `10GB`; decimal, as sizes are printed. */
function readSize(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)\s*(k|M|G|T)?B?$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (sizes[unit] ?? 1);
  const issue = {
    source: "--max-blobs",
    path: "",
    expected: "a size such as 500MB or 10GB",
    got: JSON.stringify(text),
  };
  throw new InputError("INVALID_ARGUMENTS", "the size can not be read", [issue]);
}
