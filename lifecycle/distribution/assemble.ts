import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, TspackError } from "../errors.ts";
import type { LayerEntry } from "../layers/pack-entries.ts";
import type { LifecycleArch } from "./elf.ts";
import { librariesFor, type LibraryFile } from "./libraries.ts";
import { type SbomComponent, type SbomFile, sbomFiles } from "./sbom.ts";
import { lifecycleToml, type LifecycleDescriptor } from "./lifecycle-toml.ts";

/** What the distribution is put together from. */
export interface LifecycleParts {
  readonly arch: LifecycleArch;
  readonly descriptor: LifecycleDescriptor;
  /** The Node program, see `fetchNode`. */
  readonly nodeBinary: string;
  /** An option that this Node is started with: one that it knows, at most 63 bytes. */
  readonly nodeOption?: string | undefined;
  /** Node's licence, which goes with every copy. */
  readonly nodeLicense?: string | undefined;
  /** What is in it besides the bundled packages: Node, the distribution packages of the libraries. */
  readonly components?: readonly SbomComponent[] | undefined;
  /** At least those that the Node program needs; the others are left out. See `librariesIn`. */
  readonly libraries: readonly LibraryFile[];
  /** The folder that `npm run build` makes: `lifecycle-dist` and `native` are read. */
  readonly distDir: string;
}

/** The lifecycle, ready to be put anywhere. */
export interface LifecycleDistribution {
  /** The text of `lifecycle.toml`. */
  readonly descriptor: string;
  /** The flat folder, sorted by name: what `/cnb/lifecycle` holds. */
  readonly files: readonly LifecycleFile[];
}

/** A file of the flat folder, or a link beside one. */
export interface LifecycleFile {
  readonly name: string;
  readonly mode: number;
  readonly content?: string | Uint8Array;
  readonly path?: string;
  /** The name of the file that this is a link to. */
  readonly link?: string;
}

/** The programs of the lifecycle: links to `lifecycle`, which knows its phase by its name. */
export const phasePrograms: readonly string[] =
  "analyzer builder creator detector exporter extender rebaser restorer".split(" ");

/**
 * Lists the files of the lifecycle; nothing is copied. The folder is flat, because platforms
 * copy two levels of an archive and no more. Throws `TOOL_MISSING` when a program for the
 * architecture was not built, `PACKAGE_NOT_FOUND` when a library is missing, `INVALID_ARGUMENTS`.
 */
export async function assembleLifecycle(parts: LifecycleParts): Promise<LifecycleDistribution> {
  const node = { name: "node", path: parts.nodeBinary };
  const libraries = librariesFor(node, parts.libraries, parts.arch);
  const { nodeLicense, nodeOption } = parts;
  const files: readonly LifecycleFile[] = [
    ...(await codeFiles(join(parts.distDir, "lifecycle-dist"))),
    ...(await nativeFiles(join(parts.distDir, "native", `linux-${parts.arch}`), parts.arch)),
    ...phasePrograms.map((name) => ({ name, mode: 0o777, link: "lifecycle" })),
    { ...node, mode: 0o755 },
    ...(nodeOption === undefined ? [] : [{ name: "node-option", mode: 0o644, content: nodeOption }]),
    ...(nodeLicense === undefined ? [] : [{ name: "NODE-LICENSE.txt", mode: 0o644, path: nodeLicense }]),
    // The loader is executed, the others are not; one mode for all is simpler and does no harm.
    ...libraries.map((library) => ({ ...library, mode: 0o755 })),
    ...(await sboms(parts)).map((file) => ({ ...file, mode: 0o644 })),
  ];
  return {
    descriptor: lifecycleToml(parts.descriptor),
    files: files.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What the exporter copies into images, for the lifecycle and for its launcher. */
async function sboms({ distDir, descriptor, components = [] }: LifecycleParts): Promise<readonly SbomFile[]> {
  const { version } = descriptor;
  const bundled = JSON.parse(
    await readFile(join(distDir, "lifecycle-components.json"), "utf8"),
  ) as readonly SbomComponent[];
  return [
    ...sbomFiles({ name: "lifecycle", version, components: [...components, ...bundled] }),
    // One C file and the C library that it is linked with.
    ...sbomFiles({ name: "launcher", version, components: [] }),
  ];
}

async function codeFiles(folder: string): Promise<readonly LifecycleFile[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") throw notBuilt(`the lifecycle's code in ${folder}`);
    throw error;
  });
  return names.map((name) => ({ name, mode: 0o644, path: join(folder, name) }));
}

async function nativeFiles(folder: string, arch: LifecycleArch): Promise<readonly LifecycleFile[]> {
  const present = await readdir(folder).catch(() => [] as string[]);
  const wanted = [
    ["launcher", "launcher"],
    ["lifecycle", "starter"],
    ["guard.so", "guard.so"],
  ] as const;
  for (const [, program] of wanted) {
    if (!present.includes(program)) throw notBuilt(`the ${program} for ${arch}`);
  }
  return wanted.map(([name, program]) => ({ name, mode: 0o755, path: join(folder, program) }));
}

function notBuilt(what: string): TspackError {
  return new TspackError("TOOL_MISSING", `The lifecycle cannot be assembled: ${what} is missing`, {
    hint: "`npm run build` makes it; another architecture's programs need a cross compiler (gcc-aarch64-linux-gnu, gcc-x86-64-linux-gnu)",
  });
}

/**
 * The entries of a layer or of a tar that holds the folder under the given path, its parents
 * first: `/cnb/lifecycle` in a builder, `lifecycle` in an archive. Owned by root.
 */
export function lifecycleEntries(distribution: LifecycleDistribution, folder: string): readonly LayerEntry[] {
  const owner = { uid: 0, gid: 0 };
  const steps = folder.split("/").map((_, index, all) => all.slice(0, index + 1).join("/"));
  const parents = steps.filter((step) => step !== "");
  return [
    ...parents.map((name) => ({ name, type: "dir", mode: 0o755, ...owner }) as const),
    ...distribution.files.map(({ name, mode, content, path, link }): LayerEntry => {
      const header = { name: `${folder}/${name}`, mode, ...owner };
      if (link !== undefined) return { ...header, type: "symlink", linkname: link };
      return { ...header, type: "file", ...(content === undefined ? { path: path ?? "" } : { content }) };
    }),
  ];
}
