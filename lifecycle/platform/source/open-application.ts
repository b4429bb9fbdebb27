import { createReadStream } from "node:fs";
import { mkdir, open, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ProjectSource } from "../../cnb/files/project-metadata.ts";
import type { Context } from "../../context.ts";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { removeTree } from "../rootfs.ts";
import { ApplicationTree } from "./application-tree.ts";
import { type ArchiveLimits, archiveLimits } from "./archive-bounds.ts";
import { archiveKind, type ArchiveKind, archiveStart } from "./archive-kind.ts";
import { fetchGit } from "./fetch-git.ts";
import { parseGitAddress } from "./git-address.ts";
import type { Env } from "./git-environment.ts";
import { spool, splitStart } from "./stdin.ts";
import { unpackTar } from "./unpack-tar.ts";
import { unpackZip } from "./unpack-zip.ts";
import { workDirectory } from "../work-directory.ts";

/** What opening an application needs. */
export interface OpenApplicationOptions {
  /** What a relative path is relative to. */
  readonly cwd: string;
  /** Standard input; undefined when it is a terminal, or when there is none. */
  readonly stdin?: ByteStream | undefined;
  /** A directory for what is unpacked and fetched; each application gets a private one in it. */
  readonly scratch: string;
  /** The environment that `git` works in. */
  readonly env?: Env | undefined;
  readonly ctx: Context;
  /** For tests. */
  readonly limits?: ArchiveLimits | undefined;
  /** Milliseconds that a Git server gets for its first answer; for tests. */
  readonly patience?: number | undefined;
}

/** An application's directory, which is only read. */
export interface OpenedApplication {
  /** Its real path. */
  readonly directory: string;
  /** It is our own copy of an archive or of a repository. */
  readonly unpacked: boolean;
  /** Where it comes from, for the label of the image, when that is known. */
  readonly source: ProjectSource | undefined;
  /** Removes what was made for it. */
  readonly close: () => Promise<void>;
}

/**
 * Opens what `--path` names: a directory, a zip or tar archive, `-` for an archive on standard
 * input, or `git+https://…#ref:directory`. Throws `FILE_NOT_FOUND`, `INVALID_ARGUMENTS`,
 * `INVALID_APPLICATION`, `GIT_FAILED`, `TOOL_MISSING`, `DISK_FULL`, `CANCELED`.
 */
export async function openApplication(spec: string, options: OpenApplicationOptions): Promise<OpenedApplication> {
  const address = parseGitAddress(spec);
  if (address !== undefined) {
    return inScratch(options, async (scratch) => {
      const { directory, commit } = await fetchGit(address, { ...options, scratch, env: options.env ?? {} });
      const metadata = { url: address.url, refs: address.ref === undefined ? [] : [address.ref] };
      return { directory, source: { type: "git", version: { commit }, metadata } };
    });
  }
  if (spec === "-") return inScratch(options, async (scratch) => ({ directory: await fromStdin(scratch, options) }));
  const path = resolve(options.cwd, spec);
  const info = await stat(path).catch((error: unknown) => {
    throw notThere(spec, path, error);
  });
  if (info.isDirectory()) {
    return { directory: await realpath(path), unpacked: false, source: undefined, close: async () => {} };
  }
  if (!info.isFile()) throw notThere(spec, path, undefined, "something else than a file or a directory");
  return inScratch(options, async (scratch) => ({ directory: await fromFile(path, spec, scratch, options) }));
}

type Made = Pick<OpenedApplication, "directory"> & { readonly source?: ProjectSource };

/** Works in a private directory, which goes when it fails or when the application is closed. */
async function inScratch(
  { scratch, ctx }: OpenApplicationOptions,
  work: (scratch: string) => Promise<Made>,
): Promise<OpenedApplication> {
  const own = await workDirectory(scratch, "app-", ctx.clock());
  try {
    const { directory, source } = await work(own);
    return { directory: await realpath(directory), unpacked: true, source, close: () => removeTree(own) };
  } catch (error) {
    await removeTree(own);
    if (ctx.signal.aborted) throw new TspackError("CANCELED", "canceled", { cause: error });
    throw error;
  }
}

async function fromFile(path: string, spec: string, scratch: string, options: OpenApplicationOptions): Promise<string> {
  const kind = archiveKind(await firstBytes(path, spec), spec);
  return unpack(
    kind,
    { file: path, stream: () => createReadStream(path, { highWaterMark: 1 << 18 }) },
    spec,
    scratch,
    options,
  );
}

async function fromStdin(scratch: string, options: OpenApplicationOptions): Promise<string> {
  const archive = "the archive on standard input";
  if (options.stdin === undefined) {
    const issue = { source: "--path -", path: "", expected: "an archive on standard input", got: "nothing" };
    throw new InputError("INVALID_ARGUMENTS", "there is no application on standard input", [issue], {
      hint: "pipe a tar or zip archive into it: git archive HEAD | tspack build NAME --path -",
    });
  }
  const { start, all } = await splitStart(options.stdin, archiveStart);
  if (start.length === 0) {
    throw new TspackError("INVALID_APPLICATION", "standard input is empty", {
      hint: "did the program before the pipe fail? It has to write a tar or zip archive",
    });
  }
  const kind = archiveKind(start, archive);
  if (kind !== "zip") return unpack(kind, { file: "", stream: () => all }, archive, scratch, options);
  const file = join(scratch, "archive.zip");
  await spool(all, file, (options.limits ?? archiveLimits).bytes, archive);
  return unpack(kind, { file, stream: () => all }, archive, scratch, options);
}

async function unpack(
  kind: ArchiveKind,
  from: { readonly file: string; readonly stream: () => ByteStream },
  archive: string,
  scratch: string,
  { ctx, limits = archiveLimits }: OpenApplicationOptions,
): Promise<string> {
  const directory = join(scratch, "tree");
  await mkdir(directory, { mode: 0o700 });
  const tree = new ApplicationTree(directory, archive, limits);
  const settings = { archive, signal: ctx.signal };
  if (kind === "zip") await unpackZip(from.file, tree, settings);
  else await unpackTar(from.stream(), kind, tree, settings);
  return directory;
}

async function firstBytes(path: string, spec: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(archiveStart), 0, archiveStart, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw notThere(spec, path, error);
  }
}

function notThere(spec: string, path: string, cause: unknown, got = foundInstead(cause)): InputError {
  const code = errorCode(cause) === "ENOENT" || errorCode(cause) === "ENOTDIR" ? "FILE_NOT_FOUND" : "INVALID_ARGUMENTS";
  const issue = { source: "--path", path: "", expected: "a directory, a zip or tar archive, - or git+https://…", got };
  return new InputError(code, `the application ${spec} can not be used`, [issue], {
    cause,
    hint: `give the application's directory with --path; ${path} has to exist and be readable`,
  });
}

function foundInstead(cause: unknown): string {
  const code = errorCode(cause);
  return code === "ENOENT" || code === "ENOTDIR" ? "nothing there" : `what can not be read (${code ?? "unknown"})`;
}
