import { extname, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { PullPolicy } from "../../platform/build/request.ts";
import { writeCnbFile } from "../../platform/buildpacks/cnb-file.ts";
import { type MadePackage, makePackage } from "../../platform/buildpacks/make-package.ts";
import { allOf, type ModuleKind, moduleName } from "../../platform/buildpacks/module.ts";
import { platformText, readTarget } from "../../platform/buildpacks/read-platform.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
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
  readonly tag?: readonly string[];
  readonly label?: readonly string[];
  readonly target?: readonly string[];
  readonly pullPolicy?: PullPolicy;
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
  const labels = readVariables(options.label ?? [], {}, "--label");
  const made = await makePackage(
    { kind, path, config, cwd: host.cwd, labels },
    await modulePorts(toolbox, options.pullPolicy),
  );
  const platform = choosePlatform(made, options);
  const result =
    options.format === "file"
      ? await writeFile(name, made, platform, toolbox)
      : await writeImage(name, made, platform, options, toolbox);
  const modules = allOf(made.modules).map(({ descriptor }) => moduleName(descriptor));
  if (options.json === true) {
    host.stdout(`${JSON.stringify({ ...result, platform: platformText(platform), [`${kind}s`]: modules })}\n`);
    return;
  }
  const [main, ...others] = modules;
  const list = others.map((other) => `             ${other}\n`).join("");
  const use = options.format === "file" ? result.name : `docker://${result.name}`;
  host.stdout(
    `Packaged ${kind} ${main}\n  name       ${result.name}\n  digest     ${result.digest}\n  platform   ${platformText(platform)}\n` +
      `  holds      ${main}\n${list}\nNext: tspack build IMAGE --${kind} ${use}\n`,
  );
}

function checkOptions({ format, publish, tag }: PackageOptions): void {
  const given = [publish === true ? "--publish" : "", tag === undefined ? "" : "--tag"].filter(
    (option) => option !== "",
  );
  if (format !== "file" || given.length === 0) return;
  const issues = given.map((source) => ({ source, path: "", expected: "nothing beside --format file", got: "given" }));
  throw new InputError("INVALID_ARGUMENTS", "a file is not sent to a registry", issues);
}

/** One image is for one platform: that which was asked for, the only one that the files name, or this machine's. */
function choosePlatform({ targets }: MadePackage, { target = [] }: PackageOptions): Platform {
  const [wanted, ...others] = target.map((text) => readTarget(text, "--target").platform);
  if (others.length > 0) {
    const issue = { source: "--target", path: "", expected: "one target", got: target.join(", ") };
    throw new InputError("INVALID_ARGUMENTS", "a package is made for one target at a time", [issue], {
      hint: "run it once for each, under different names, and join them with tspack manifest",
    });
  }
  const own = machinePlatform();
  const isOwn = (one: Platform): boolean => one.os === own.os && one.architecture === own.architecture;
  return wanted ?? targets.find(isOwn) ?? targets[0] ?? own;
}

interface Written {
  readonly name: string;
  readonly digest: string;
}

async function writeFile(name: string, made: MadePackage, platform: Platform, toolbox: Toolbox): Promise<Written> {
  const full = extname(name) === "" ? `${name}.cnb` : name;
  if (extname(full) !== ".cnb") toolbox.ctx.logger.warn(`${full}: files of packages are called .cnb`);
  const digest = await writeCnbFile(resolve(toolbox.host.cwd, full), made.imageFor(platform), toolbox.ctx);
  return { name: full, digest };
}

async function writeImage(
  name: string,
  made: MadePackage,
  platform: Platform,
  { publish, tag = [] }: PackageOptions,
  { ctx, local, registries }: Toolbox,
): Promise<Written> {
  const refs = [imageArgument(name), ...tag.map((text) => imageArgument(text, "--tag"))];
  const { digest } = await (publish === true ? registries : local).write(made.imageFor(platform), refs, { ctx });
  return { name: refs[0] === undefined ? name : familiarName(refs[0]), digest };
}
