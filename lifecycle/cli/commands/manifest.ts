import { InputError } from "../../errors.ts";
import type { ManifestFormat } from "../../oci/media-type.ts";
import { parseReference } from "../../oci/reference.ts";
import {
  addToList,
  annotateList,
  createList,
  deleteLists,
  inspectList,
  pushList,
  type PushedList,
  removeFromList,
} from "../../platform/manifest/manifest.ts";
import { type CommonOptions, openToolbox, type Toolbox, type TspackHost } from "../toolbox.ts";

interface InsecureOptions extends CommonOptions {
  readonly insecure?: boolean;
}

/** `--insecure` is about the registry of the list. */
function open(host: TspackHost, list: string, options: InsecureOptions): Toolbox {
  const { insecure = false, insecureRegistry = [] } = options;
  const own = insecure ? [parseReference(list).registry] : [];
  return openToolbox(host, { ...options, insecureRegistry: [...insecureRegistry, ...own] });
}

function tell(host: TspackHost, { name, digest }: PushedList): void {
  host.stdout(`Pushed ${name}\n  digest     ${digest}\n`);
}

/** `tspack manifest create`. */
export async function createManifest(
  host: TspackHost,
  [name = "", ...images]: readonly string[],
  options: InsecureOptions & { readonly format: ManifestFormat; readonly publish?: boolean },
): Promise<void> {
  const { format, publish = false, insecure = false } = options;
  if (insecure && !publish) {
    const issue = { source: "--insecure", path: "", expected: "--publish beside it", got: "nothing that is sent" };
    throw new InputError("INVALID_ARGUMENTS", "--insecure is about sending", [issue]);
  }
  const pushed = await createList({ name, images, format, publish }, open(host, name, options));
  if (pushed === undefined) host.stdout(`Created ${name} with ${images.length} images\n`);
  else tell(host, pushed);
}

/** `tspack manifest add`. */
export async function addManifest(
  host: TspackHost,
  [list = "", image = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  await addToList(list, image, openToolbox(host, options));
  host.stdout(`Added ${image} to ${list}\n`);
}

/** Options of `tspack manifest annotate`. */
export interface AnnotateOptions extends CommonOptions {
  readonly os?: string;
  readonly arch?: string;
  readonly variant?: string;
  readonly annotations?: readonly string[];
}

/** `tspack manifest annotate`. */
export async function annotateManifest(
  host: TspackHost,
  [list = "", image = ""]: readonly string[],
  options: AnnotateOptions,
): Promise<void> {
  const { os, arch, variant, annotations } = options;
  if ([os, arch, variant, annotations].every((one) => one === undefined)) {
    const expected = "--os, --arch, --variant or --annotations";
    const issue = { source: "argument", path: "", expected, got: "none of them" };
    throw new InputError("INVALID_ARGUMENTS", "nothing is to be changed", [issue]);
  }
  const changes = { os: word("--os", os), arch: word("--arch", arch), variant: word("--variant", variant) };
  const texts = annotations === undefined ? undefined : readAnnotations(annotations);
  await annotateList(list, image, { ...changes, annotations: texts }, openToolbox(host, options));
  host.stdout(`Annotated ${image} in ${list}\n`);
}

function word(option: string, text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z0-9][a-z0-9._-]*$/.test(text)) return text;
  const issue = { source: option, path: "", expected: "a word such as linux, arm64 or v8", got: JSON.stringify(text) };
  throw new InputError("INVALID_ARGUMENTS", "the platform can not be read", [issue]);
}

/** `NAME=VALUE`, several after each other with commas, as the ecosystem's tools take them. */
function readAnnotations(given: readonly string[]): Readonly<Record<string, string>> {
  const pairs = given.flatMap((text) => text.split(/,(?=[^,=]+=)/));
  const issues = pairs
    .filter((pair) => !/^[^=\s]+=/.test(pair))
    .map((pair) => ({ source: "--annotations", path: "", expected: "NAME=VALUE", got: JSON.stringify(pair) }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "annotations can not be read", issues);
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

/** `tspack manifest inspect`. */
export async function inspectManifest(
  host: TspackHost,
  [list = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  const { bytes } = await inspectList(list, openToolbox(host, options));
  host.stdout(`${JSON.stringify(JSON.parse(Buffer.from(bytes).toString()), undefined, 2)}\n`);
}

/** `tspack manifest push`. */
export async function pushManifest(
  host: TspackHost,
  [list = ""]: readonly string[],
  options: InsecureOptions & { readonly format?: ManifestFormat; readonly purge?: boolean },
): Promise<void> {
  const { format, purge = false } = options;
  tell(host, await pushList(list, { format, purge }, open(host, list, options)));
}

/** `tspack manifest rm`. */
export async function deleteManifests(
  host: TspackHost,
  lists: readonly string[],
  options: CommonOptions,
): Promise<void> {
  await deleteLists(lists, openToolbox(host, options));
  for (const list of lists) host.stdout(`Removed ${list}\n`);
}

/** `tspack manifest remove`. */
export async function removeManifest(
  host: TspackHost,
  [list = "", image = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  await removeFromList(list, image, openToolbox(host, options));
  host.stdout(`Removed ${image} from ${list}\n`);
}
