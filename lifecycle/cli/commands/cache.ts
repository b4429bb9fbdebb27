import { InputError } from "../../errors.ts";
import { type CacheItem, cacheItems, type CacheKind } from "../../platform/store/cache-items.ts";
import { pruneCaches } from "../../platform/store/prune-caches.ts";
import { readDuration } from "../duration.ts";
import { formatBytes } from "../progress.ts";
import { textTable } from "../text-table.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";

/** `tspack cache list`: what is kept to be faster the next time. */
export async function listCaches(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions & { readonly json?: boolean },
): Promise<void> {
  const { places, ctx } = openToolbox(host, options);
  const items = await cacheItems(places);
  if (options.json === true) return host.stdout(`${JSON.stringify(items.map(plain), undefined, 2)}\n`);
  if (items.length === 0) return host.stdout("nothing is kept\n");
  const now = ctx.clock().getTime();
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = items.map((item) => [item.kind, formatBytes(item.bytes), ageText(now - item.used), item.name]);
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
  const removed = await pruneCaches(
    {
      olderThan: all ? 0 : readDuration(olderThan ?? "30d", "--older-than"),
      kinds: only,
      maxBlobBytes: maxBlobs === undefined ? undefined : readSize(maxBlobs),
      dryRun,
    },
    tools,
  );
  if (options.json === true)
    return host.stdout(`${JSON.stringify({ dryRun, removed: removed.map(plain) }, undefined, 2)}\n`);
  const bytes = removed.reduce((sum, item) => sum + item.bytes, 0);
  if (removed.length > 0)
    host.stdout(textTable(removed.map(({ kind, name, bytes: size }) => [kind, formatBytes(size), name])));
  host.stdout(`${dryRun ? "Would free" : "Freed"} ${formatBytes(bytes)}\n`);
}

function plain({ kind, name, path, bytes, used }: CacheItem): object {
  return { kind, name, path, bytes, used: new Date(used).toISOString() };
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
