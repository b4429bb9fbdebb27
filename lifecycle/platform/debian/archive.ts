import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { decompressByName } from "./decompress.ts";
import { readVerified, type Downloader, type Wanted } from "./download.ts";
import { withoutCredentials } from "../../addresses.ts";
import { type Mirrors, type Suite } from "./mirrors.ts";
import { indexPackages, type IndexText, type PackageIndex, type Pin } from "./package-index.ts";
import { checkRelease, parseRelease, type Release, type ReleaseFile } from "./release.ts";
import { verifyInlineSigned, type Keyring } from "./signature.ts";

/** Which packages an archive has to offer. */
export interface ArchiveRequest {
  readonly mirrors: Mirrors;
  readonly suites: readonly Suite[];
  /** `main`. */
  readonly components: readonly string[];
  /** Debian's name of the processor, `amd64` or `arm64`. */
  readonly arch: string;
  readonly keyrings: readonly Keyring[];
  /** Downloads are kept here, by their SHA-256. */
  readonly cacheDir: string;
  readonly pins?: readonly Pin[] | undefined;
}

/** What the suites of an archive offer on the day of the newest of them. */
export interface ArchiveIndex {
  readonly packages: PackageIndex;
  /** When the newest suite was published; the same for everybody who sees the same archive. */
  readonly date: Date;
}

/**
 * Reads the indices of all suites, each checked from the signature of its `InRelease` down.
 * Throws `SIGNATURE_INVALID`, `DIGEST_MISMATCH`, `DOWNLOAD_FAILED`, `NOT_FOUND`.
 */
export async function readArchive(
  request: ArchiveRequest,
  downloader: Downloader,
  ctx: Context,
): Promise<ArchiveIndex> {
  const suites = await Promise.all(request.suites.map((suite) => readSuite(request, suite, downloader, ctx)));
  return {
    packages: indexPackages(
      suites.flatMap((suite) => suite.texts),
      request.pins,
    ),
    date: new Date(Math.max(...suites.map((suite) => suite.release.date.getTime()))),
  };
}

/** The root of an archive on the chosen mirror. Throws `MIRROR_UNKNOWN`. */
export function archiveRoot(mirrors: Mirrors, archive: string): string {
  const root = mirrors.roots.get(archive);
  if (root !== undefined) return root;
  throw new TspackError("MIRROR_UNKNOWN", `${mirrors.origin} names no mirror of the archive "${archive}"`, {
    hint: `add ${archive}=URL to the mirror's address`,
  });
}

/** Where a download is kept: by content, so that every stack and every process shares it. */
export function cachedPath(cacheDir: string, sha256: string): string {
  return join(cacheDir, "debian", "sha256", sha256);
}

interface SuiteIndex {
  readonly release: Release;
  readonly texts: readonly IndexText[];
}

async function readSuite(
  request: ArchiveRequest,
  suite: Suite,
  downloader: Downloader,
  ctx: Context,
): Promise<SuiteIndex> {
  const base = `${archiveRoot(request.mirrors, suite.archive)}/dists/${suite.name}`;
  const source = `${withoutCredentials(base)}/InRelease`;
  const signed = await downloader.text(`${base}/InRelease`, 16 << 20);
  const now = ctx.clock();
  const release = parseRelease(await verifyInlineSigned(signed, { keyrings: request.keyrings, now, source }), source);
  checkRelease(release, { codename: suite.name, now });
  const texts = request.components.map(async (component) => {
    const file = packagesFile(release, component, request.arch, source);
    const bytes = await fetchIndex(release, file, base, request, downloader);
    // Everything that is asked of an index is ASCII; latin1 is the fastest decoding.
    const text = (await decompressByName(file.path, bytes)).toString("latin1");
    return { archive: suite.archive, suite: suite.name, priority: release.priority, text };
  });
  return { release, texts: await Promise.all(texts) };
}

function packagesFile(release: Release, component: string, arch: string, source: string): ReleaseFile {
  const path = `${component}/binary-${arch}/Packages`;
  const file = release.files.get(`${path}.xz`) ?? release.files.get(`${path}.gz`) ?? release.files.get(path);
  if (file !== undefined) return file;
  throw new TspackError("NOT_FOUND", `${source} has no packages for ${arch} in component ${component}`, {
    hint: "use another mirror, or another architecture",
  });
}

async function fetchIndex(
  release: Release,
  file: ReleaseFile,
  base: string,
  request: ArchiveRequest,
  downloader: Downloader,
): Promise<Buffer> {
  const directory = file.path.slice(0, file.path.lastIndexOf("/"));
  const url = release.byHash ? `${base}/${directory}/by-hash/SHA256/${file.sha256}` : `${base}/${file.path}`;
  return fetchVerified({ url, size: file.size, sha256: file.sha256 }, request.cacheDir, downloader);
}

/**
 * A file by way of the cache, verified on every read; what the cache holds damaged is fetched again.
 * `onBytes` is told what comes in. Throws like `Downloader.file`.
 */
export async function fetchVerified(
  wanted: Wanted,
  cacheDir: string,
  downloader: Downloader,
  onBytes?: (count: number) => void,
): Promise<Buffer> {
  const path = cachedPath(cacheDir, wanted.sha256);
  for (let attempt = 1; attempt <= 2; attempt++) {
    await downloader.file(wanted, path, onBytes);
    const bytes = await readVerified(path, wanted);
    if (bytes !== undefined) return bytes;
    onBytes?.(-wanted.size);
  }
  throw new TspackError("DIGEST_MISMATCH", `${path} changes while it is read`);
}
