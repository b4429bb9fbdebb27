import type { Context } from "../../context.ts";
import { errorCode, RemoteError, TspackError } from "../../errors.ts";
import { archiveRoot, cachedPath, fetchVerified } from "../debian/archive.ts";
import { readDeb, type Deb } from "../debian/deb.ts";
import type { Downloader, Wanted } from "../debian/download.ts";
import type { Mirrors } from "../debian/mirrors.ts";
import type { LockedPackage } from "./lock.ts";

/** Packages on their way into the cache. */
export interface PackageFiles {
  /** The unpacked package; waits until it has come in. Throws what its download threw. */
  open(locked: LockedPackage): Promise<Deb>;
}

/** Where packages come from and are kept. */
export interface PackageFilesRequest {
  readonly packages: readonly LockedPackage[];
  readonly mirrors: Mirrors;
  readonly cacheDir: string;
}

const parallelDownloads = 8;

/** Starts to download packages, several at a time and in order, and goes on while they are opened. */
export function fetchPackages(request: PackageFilesRequest, downloader: Downloader, ctx: Context): PackageFiles {
  const bytes = request.packages.reduce((sum, each) => sum + each.size, 0);
  const step = ctx.progress.start("Downloading packages", { total: bytes, unit: "bytes" });
  const fetchOne = async (each: LockedPackage): Promise<void> => {
    const wanted = wantedOf(each, request.mirrors);
    const path = cachedPath(request.cacheDir, each.sha256);
    await downloader
      .file(wanted, path, (count) => step.advance(count))
      .catch((error: unknown) => {
        throw vanished(error, each);
      });
  };
  // Each lane fetches its share one after the other.
  const lanes = Array.from({ length: parallelDownloads }, () => Promise.resolve());
  const arrivals = new Map<string, Promise<void>>();
  for (const [index, each] of request.packages.entries()) {
    const lane = index % parallelDownloads;
    const arrival = (lanes[lane] ?? Promise.resolve()).then(() => fetchOne(each));
    arrivals.set(each.sha256, arrival);
    // Whoever opens the package gets the error; one that nobody opens any more is no crash.
    lanes[lane] = arrival.catch(() => {});
  }
  void Promise.all(lanes).then(() => step.done(`${request.packages.length} packages, ${(bytes / 1e6).toFixed(1)} MB`));
  return {
    open: async (locked) => {
      await arrivals.get(locked.sha256);
      const data = await fetchVerified(wantedOf(locked, request.mirrors), request.cacheDir, downloader);
      return readDeb(data, locked.path);
    },
  };
}

function wantedOf(locked: LockedPackage, mirrors: Mirrors): Wanted {
  // "+" and "~" are allowed in paths; what else a version may have is "%3a" in file names already.
  const url = `${archiveRoot(mirrors, locked.archive)}/${locked.path}`;
  return { url, size: locked.size, sha256: locked.sha256 };
}

// A mirror keeps a version until the next one comes; then a lock points to nothing.
function vanished(error: unknown, locked: LockedPackage): unknown {
  if (!(error instanceof RemoteError) || errorCode(error) !== "NOT_FOUND") return error;
  return new TspackError("PACKAGE_NOT_FOUND", `The mirror no longer has ${locked.name} ${locked.version}`, {
    cause: error,
    hint: "run `tspack stack create --update` to take the versions of today, or use a mirror that keeps old ones",
  });
}
