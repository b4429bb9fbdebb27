import { extname, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { PullPolicy } from "../../platform/build/request.ts";
import { writeCnbFile } from "../../platform/buildpacks/cnb-file.ts";
import { type MadePackage, makePackage } from "../../platform/buildpacks/make-package.ts";
import { allOf, type ModuleKind, moduleName, type ModuleSet } from "../../platform/buildpacks/module.ts";
import { packageImage } from "../../platform/buildpacks/package-image.ts";
import { distinctPlatforms, platformText, readTarget } from "../../platform/buildpacks/read-platform.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { ownPlatform, type PlatformImage } from "../../platform/output/write-images.ts";
import { type ImageOutput, writeImages } from "../../platform/output/write-where.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { imageOutput } from "../image-output.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  readVariables,
  type Toolbox,
  type TspackHost,
} from "../toolbox.ts";
import { requireFile } from "../../platform/require-file.ts";

/** Options of `tspack buildpack package` and `tspack extension package`. */
export interface PackageOptions extends CommonOptions {
  readonly config?: string;
  readonly path?: string;
  readonly format: "image" | "file";
  readonly publish?: boolean;
  readonly output?: ImageOutput;
  readonly tag?: readonly string[];
  readonly label?: readonly string[];
  readonly target?: readonly string[];
  readonly pullPolicy?: PullPolicy;
  readonly buildpackRegistry?: string;
  readonly json?: boolean;
}

/** `tspack buildpack package`. */
export function packageBuildpack(host: TspackHost, names: readonly string[], options: PackageOptions): Promise<void> {
  return makeAndWrite("buildpack", host, names, options);
}

/** `tspack extension package`. */
export function packageExtension(host: TspackHost, names: readonly string[], options: PackageOptions): Promise<void> {
  return makeAndWrite("extension", host, names, options);
}

async function makeAndWrite(
  kind: ModuleKind,
  host: TspackHost,
  [name = ""]: readonly string[],
  options: PackageOptions,
): Promise<void> {
  checkOptions(options);
  if (options.config !== undefined) requireFile(resolve(host.cwd, options.config), "--config");
  const toolbox = openToolbox(host, options);
  const { path, config } = options;
  const made = await makePackage({ kind, path, config, cwd: host.cwd }, await modulePorts(toolbox, options));
  const labels = readVariables(options.label ?? [], {}, "--label");
  const packages: Package[] = [];
  for (const platform of choosePlatforms(made, options)) {
    const modules = await made.modulesFor(platform);
    packages.push({ platform, modules, image: packageImage({ ...modules, platform, labels }) });
  }
  const [first, ...others] = packages;
  if (first === undefined) throw new Error("a package is for at least one platform");
  const written =
    options.format === "file"
      ? await writeFiles(name, [first, ...others], toolbox)
      : await writePackages(name, [first, ...others], options, toolbox);
  host.stdout(options.json === true ? resultJson(kind, first, written) : resultText(kind, first, written, options));
}

/** The package for one platform. */
interface Package extends PlatformImage {
  readonly modules: ModuleSet;
}

type Packages = readonly [Package, ...Package[]];

function checkOptions({ format, publish, output, tag }: PackageOptions): void {
  const given = [
    publish === true ? "--publish" : "",
    output === undefined ? "" : "--output",
    tag === undefined ? "" : "--tag",
  ].filter((option) => option !== "");
  if (format !== "file" || given.length === 0) return;
  const issues = given.map((source) => ({ source, path: "", expected: "nothing beside --format file", got: "given" }));
  throw new InputError("INVALID_ARGUMENTS", "a file goes nowhere else", issues);
}

/** Those that were asked for, else those that the files name; the local store keeps one image per name. */
function choosePlatforms({ targets }: MadePackage, options: PackageOptions): readonly Platform[] {
  const { target = [], format } = options;
  const asked = distinctPlatforms(target.map((text) => readTarget(text, "--target").platform));
  const all = asked.length > 0 ? asked : targets;
  if (all.length > 1 && (format === "file" || imageOutput(options) === "registry")) return all;
  return [ownPlatform(all, machinePlatform())];
}

/** What was written, under one name or a file per platform. */
interface Written {
  /** Of the image or the index; undefined: there are several files. */
  readonly digest: string | undefined;
  readonly isIndex: boolean;
  readonly images: readonly { readonly name: string; readonly digest: string; readonly platform: string }[];
}

async function writeFiles(name: string, packages: Packages, toolbox: Toolbox): Promise<Written> {
  const given = extname(name);
  if (given !== "" && given !== ".cnb") toolbox.ctx.logger.warn(`${name}: files of packages are called .cnb`);
  const images: Written["images"][number][] = [];
  for (const { platform, image } of packages) {
    // One file has one image, as other platforms read it.
    const suffix = packages.length === 1 ? "" : `-${platformText(platform).replaceAll("/", "-")}`;
    const file = `${name.slice(0, name.length - given.length)}${suffix}${given === "" ? ".cnb" : given}`;
    const digest = await writeCnbFile(resolve(toolbox.host.cwd, file), image, toolbox.ctx);
    images.push({ name: file, digest, platform: platformText(platform) });
  }
  return { digest: packages.length === 1 ? images[0]?.digest : undefined, isIndex: false, images };
}

async function writePackages(
  name: string,
  packages: Packages,
  { tag = [], ...options }: PackageOptions,
  toolbox: Toolbox,
): Promise<Written> {
  const main = imageArgument(name);
  const refs = [main, ...tag.map((text) => imageArgument(text, "--tag"))];
  const { digest, isIndex } = await writeImages(packages, refs, imageOutput(options), toolbox);
  const images = packages.map(async ({ platform, image }) => ({
    name: familiarName(main),
    digest: (await image.manifest()).digest,
    platform: platformText(platform),
  }));
  return { digest, isIndex, images: await Promise.all(images) };
}

function namesOf({ modules }: Package): readonly string[] {
  return allOf(modules).map(({ descriptor }) => moduleName(descriptor));
}

function resultJson(kind: ModuleKind, first: Package, { digest, images }: Written): string {
  const [only, ...others] = images;
  const result = others.length === 0 ? only : { name: only?.name, digest, images };
  return `${JSON.stringify({ ...result, [`${kind}s`]: namesOf(first) })}\n`;
}

function resultText(kind: ModuleKind, first: Package, written: Written, { format }: PackageOptions): string {
  const [main = "", ...others] = namesOf(first);
  const rows = written.images.flatMap(({ name, digest, platform }, index) => [
    ...(index === 0 || format === "file" ? [["name", name]] : []),
    ...(index === 0 && written.isIndex ? [["index", written.digest ?? ""]] : []),
    ["digest", digest],
    ["platform", platform],
  ]);
  const holds = [main, ...others].map((one, index) => [index === 0 ? "holds" : "", one]);
  const lines = [...rows, ...holds].map(([label = "", value = ""]) => `  ${label.padEnd(11)}${value}\n`);
  const name = written.images[0]?.name ?? "";
  const use = format === "file" ? name : `docker://${name}`;
  return `Packaged ${kind} ${main}\n${lines.join("")}\nNext: tspack build IMAGE --${kind} ${use}\n`;
}
