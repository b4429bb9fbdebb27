import { createHash } from "node:crypto";
import { createReadStream, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import type { LifecycleSource } from "../../cnb/files/builder-toml.ts";
import { decodeToml } from "../../decode.ts";
import { lifecycleEntries, type LifecycleDistribution } from "../../distribution/assemble.ts";
import { version as ownVersion } from "../../distribution/version.ts";
import { TspackError } from "../../errors.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import type { LayerEntry } from "../../layers/pack-entries.ts";
import { inflate } from "../../oci/blob-layer.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseReference } from "../../oci/reference.ts";
import { parseToml } from "../../toml.ts";
import { fetchFile, shownUrl } from "../buildpacks/fetch-file.ts";
import type { ModulePorts } from "../buildpacks/module.ts";
import { fileInRootfs } from "../rootfs-files.ts";
import { removeTree, unpackRootfs } from "../rootfs.ts";

/** A lifecycle as a builder carries it. */
export interface BuilderLifecycle {
  readonly version: string;
  readonly apis: Readonly<Record<"buildpack" | "platform", LifecycleApis>>;
  /** The entries of its layer: `/cnb/lifecycle`. */
  readonly entries: readonly LayerEntry[];
}

/** The versions of one API that a lifecycle speaks. */
export interface LifecycleApis {
  readonly deprecated: readonly string[];
  readonly supported: readonly string[];
}

const folder = "/cnb/lifecycle";
const root = { uid: 0, gid: 0 };

/** Our own. Throws `INVALID_BUILDER`, never for what `assembleLifecycle` made. */
export function ownLifecycle(distribution: LifecycleDistribution): BuilderLifecycle {
  return {
    ...readDescriptor(Buffer.from(distribution.descriptor), "lifecycle.toml"),
    entries: [...lifecycleEntries(distribution, folder), descriptorEntry(distribution.descriptor)],
  };
}

function descriptorEntry(content: string | Uint8Array): LayerEntry {
  return { name: `${folder}/lifecycle.toml`, type: "file", mode: 0o644, ...root, content };
}

/**
 * The lifecycle that a `builder.toml` names: an archive or an image of any lifecycle, or a release
 * of the reference by its version; undefined: ours. Throws `INVALID_BUILDER`, `IMAGE_NOT_FOUND`
 * and what fetching throws.
 */
export async function namedLifecycle(
  source: LifecycleSource | undefined,
  baseDir: string,
  platform: Platform,
  ports: ModulePorts,
): Promise<BuilderLifecycle | undefined> {
  const { uri, version } = source ?? {};
  if (version !== undefined) return version === ownVersion ? undefined : fetched(releaseUrl(version, platform), ports);
  if (uri === undefined) return undefined;
  if (uri.startsWith("docker:/")) return imageLifecycle(uri.replace(/^docker:\/+/, ""), platform, ports);
  if (/^https?:\/\//i.test(uri)) return fetched(uri, ports);
  const path = resolve(baseDir, uri.replace(/^file:\/\//, ""));
  if (!existsSync(path))
    throw new TspackError("FILE_NOT_FOUND", `lifecycle.uri names ${path}, which is not there`, {
      hint: "it is relative to the builder.toml; without [lifecycle] the builder gets tspack's own",
    });
  return lstatSync(path).isDirectory() ? lifecycleIn(path, uri) : archived(path, uri, ports);
}

/** Where the reference's project publishes its releases. */
function releaseUrl(version: string, { architecture }: Platform): string {
  const arch = architecture === "amd64" ? "x86-64" : architecture;
  return `https://github.com/buildpacks/lifecycle/releases/download/v${version}/lifecycle-v${version}+linux.${arch}.tgz`;
}

async function fetched(url: string, ports: ModulePorts): Promise<BuilderLifecycle> {
  await mkdir(ports.modulesDir, { recursive: true, mode: 0o700 });
  const file = join(ports.modulesDir, `.lifecycle-${randomUUID()}`);
  try {
    await fetchFile(url, file, ports.network, ports.ctx);
    return await archived(file, shownUrl(url), ports);
  } finally {
    await removeTree(file);
  }
}

/** Unpacked once per content, because the layer is packed from the files. */
async function archived(file: string, source: string, { modulesDir, ctx }: ModulePorts): Promise<BuilderLifecycle> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  const target = join(modulesDir, `lifecycle-${hash.digest("hex")}`);
  if (existsSync(target)) return lifecycleIn(target, source);
  const temporary = join(modulesDir, `.lifecycle-${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    const plain = inflate(createReadStream(file), { digest: source as Digest });
    await extractTar(plain, temporary, { mode: "image", signal: ctx.signal });
    const lifecycle = lifecycleIn(temporary, source);
    await rename(temporary, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
    return lifecycle.entries.length === 0 ? lifecycle : lifecycleIn(target, source);
  } finally {
    await removeTree(temporary);
  }
}

async function imageLifecycle(name: string, platform: Platform, ports: ModulePorts): Promise<BuilderLifecycle> {
  const image = await ports.images.resolve(parseReference(name, "lifecycle.uri"), { platform });
  if (image === undefined)
    throw new TspackError("IMAGE_NOT_FOUND", `the image ${name} of lifecycle.uri was not found`, {
      hint: "without [lifecycle] the builder gets tspack's own",
    });
  const rootfs = await unpackRootfs(image, ports.modulesDir, `lifecycle ${name}`, ports.ctx);
  const directory = fileInRootfs(rootfs, folder);
  if (directory === undefined) throw invalid(name, `has no ${folder}`);
  return { ...readDescriptorFile(directory, name), entries: filesOf(directory, name) };
}

/** `lifecycle.toml` beside one flat folder: the form in which lifecycles are published. */
function lifecycleIn(directory: string, source: string): BuilderLifecycle {
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const [only, ...others] = folders;
  if (only === undefined || others.length > 0)
    throw invalid(source, `has ${folders.length} folders beside lifecycle.toml, and has to have one: lifecycle/`);
  const facts = readDescriptorFile(directory, source);
  const descriptor = readFileSync(join(directory, "lifecycle.toml"));
  const own = `${folder}/lifecycle.toml`;
  const entries = filesOf(join(directory, only.name), source).filter(({ name }) => name !== own);
  return { ...facts, entries: [...entries, descriptorEntry(descriptor)] };
}

function filesOf(directory: string, source: string): readonly LayerEntry[] {
  const names = readdirSync(directory).sort();
  const missing = ["detector", "builder", "launcher"].filter((name) => !names.includes(name));
  if (missing.length > 0) throw invalid(source, `has no ${missing.join(", no ")} in it`);
  const parents = ["/cnb", folder].map((name) => ({ name, type: "dir", mode: 0o755, ...root }) as const);
  return [
    ...parents,
    ...names.flatMap((name): readonly LayerEntry[] => {
      const path = join(directory, name);
      const info = lstatSync(path);
      const header = { name: `${folder}/${name}`, ...root };
      if (info.isSymbolicLink()) return [{ ...header, type: "symlink", mode: 0o777, linkname: readlinkSync(path) }];
      if (!info.isFile()) return [];
      return [{ ...header, type: "file", mode: (info.mode & 0o100) === 0 ? 0o644 : 0o755, path }];
    }),
  ];
}

function readDescriptorFile(directory: string, source: string): Omit<BuilderLifecycle, "entries"> {
  const file = fileInRootfs(directory, "/lifecycle.toml");
  if (file === undefined) throw invalid(source, "has no lifecycle.toml");
  return readDescriptor(readFileSync(file), `${source}: lifecycle.toml`);
}

function readDescriptor(bytes: Uint8Array, source: string): Omit<BuilderLifecycle, "entries"> {
  return decodeToml(parseToml(bytes, source), { code: "INVALID_BUILDER" }, (reader) => {
    const apis = (name: string): LifecycleApis => {
      const table = reader.subTable("apis").subTable(name);
      const [deprecated, supported] = [table.strings("deprecated") ?? [], table.strings("supported") ?? []];
      if (deprecated.length + supported.length > 0) return { deprecated, supported };
      // The oldest form names one version of each.
      const single = reader.subTable("api").string(name);
      return { deprecated: [], supported: single === undefined ? [] : [single] };
    };
    return {
      version: reader.subTable("lifecycle").requiredString("version"),
      apis: { buildpack: apis("buildpack"), platform: apis("platform") },
    };
  });
}

function invalid(source: string, what: string): TspackError {
  return new TspackError("INVALID_BUILDER", `${source} can not be used as a lifecycle: it ${what}`, {
    hint: "a lifecycle is an archive of lifecycle.toml and a folder lifecycle/ with the phases in it",
  });
}
