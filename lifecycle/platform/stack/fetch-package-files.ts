import { chmod, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { TspackError } from "../../errors.ts";
import type { DebEntry } from "../debian/deb.ts";
import { resolveStack, withDownloader, type ResolveStackInputs } from "./create-stack.ts";
import type { StackLock } from "./lock.ts";
import { fetchPackages } from "./package-files.ts";
import { readStackFile } from "./stack-file.ts";

/** Single files that are wanted out of packages. */
export interface FetchPackageFilesInputs extends ResolveStackInputs {
  /** The stack whose archive, and whose list of packages, they are taken from. */
  readonly stackFile: string;
  /** What was found before; the archive is not asked again. */
  readonly lock?: StackLock | undefined;
  /** Names of packages of the stack: `libc6`. */
  readonly packages: readonly string[];
  /** File names without directory: `libc.so.6`. */
  readonly names: readonly string[];
  /** Where the files are written to, under these names. */
  readonly directory: string;
}

/** A file that was taken out of a package. */
export interface PackageFile {
  readonly name: string;
  /** Where it is on this machine. */
  readonly path: string;
  /** Name and version of the package. */
  readonly from: string;
}

/**
 * Fetches packages (through the cache, verified) and writes single files of them, symlinks
 * followed within the package. Throws `PACKAGE_NOT_FOUND`, `FILE_NOT_FOUND` with every name that no
 * package has, and what `createStack` throws on the way.
 */
export async function fetchPackageFiles(inputs: FetchPackageFilesInputs): Promise<readonly PackageFile[]> {
  const stack = await readStackFile(inputs.stackFile);
  return withDownloader(inputs, async (downloader) => {
    const lock = inputs.lock ?? (await resolveStack(stack, inputs, downloader));
    const packages = inputs.packages.map((name) => {
      const found = lock.packages.find((each) => each.name === name);
      if (found !== undefined) return found;
      throw new TspackError("PACKAGE_NOT_FOUND", `The stack ${stack.id} has no package ${name}`);
    });
    const files = fetchPackages({ ...inputs, packages }, downloader, inputs.ctx);
    await mkdir(inputs.directory, { recursive: true });
    const written: PackageFile[] = [];
    for (const locked of packages) {
      const { entries } = await files.open(locked);
      for (const name of inputs.names) {
        const entry = written.some((each) => each.name === name) ? undefined : findFile(entries, name);
        if (entry?.content === undefined) continue;
        const path = join(inputs.directory, basename(name));
        await writeFile(path, entry.content);
        await chmod(path, entry.mode & 0o777);
        written.push({ name, path, from: `${locked.name} ${locked.version}` });
      }
    }
    const missing = inputs.names.filter((name) => !written.some((each) => each.name === name));
    if (missing.length === 0) return written;
    const message = `No package of ${inputs.packages.join(", ")} has ${missing.join(", ")}`;
    throw new TspackError("FILE_NOT_FOUND", message);
  });
}

// The shallowest file of that name: libraries of the same name in subfolders are variants.
function findFile(entries: readonly DebEntry[], name: string): DebEntry | undefined {
  const named = entries.filter((each) => each.type !== "dir" && basename(each.path) === name);
  named.sort((a, b) => a.path.split("/").length - b.path.split("/").length || (a.path < b.path ? -1 : 1));
  return named.map((each) => follow(entries, each)).find((each) => each !== undefined);
}

function follow(entries: readonly DebEntry[], start: DebEntry): DebEntry | undefined {
  let entry: DebEntry | undefined = start;
  for (let hops = 0; entry !== undefined && entry.content === undefined && hops < 8; hops++) {
    const { linkname = "", path, type } = entry;
    const target: string =
      type === "hardlink" || linkname.startsWith("/") ? linkname : posix.join(dirname(path), linkname);
    entry = entries.find((each) => each.path === target.replace(/^\//, ""));
  }
  return entry?.content === undefined ? undefined : entry;
}
