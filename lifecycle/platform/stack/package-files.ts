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
  const waiting = request.packages.values();
  const arrivals = new Map<string, Arrival>(request.packages.map((each) => [each.sha256, openArrival()]));
  const work = async (): Promise<void> => {
    for (const each of waiting) {
      const arrival = arrivals.get(each.sha256);
      try {
        const wanted = wantedOf(each, request.mirrors);
        await downloader.file(wanted, cachedPath(request.cacheDir, each.sha256), (count) => step.advance(count));
        arrival?.resolve();
      } catch (error) {
        arrival?.reject(vanished(error, each));
      }
    }
  };
  void Promise.all(Array.from({ length: parallelDownloads }, work)).then(() =>
    step.done(`${request.packages.length} packages, ${(bytes / 1e6).toFixed(1)} MB`),
  );
  return {
    open: async (locked) => {
      await arrivals.get(locked.sha256)?.promise;
      const data = await fetchVerified(wantedOf(locked, request.mirrors), request.cacheDir, downloader);
      return readDeb(data, locked.path);
    },
  };
}

interface Arrival {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function openArrival(): Arrival {
  let resolve = (): void => {};
  let reject = (_error: unknown): void => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever opens the package gets the error; one that nobody opens any more is no crash.
  promise.catch(() => {});
  return { promise, resolve, reject };
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
    hint: "run `tspack stack update` to take the versions of today, or use a mirror that keeps old ones",
  });
}
