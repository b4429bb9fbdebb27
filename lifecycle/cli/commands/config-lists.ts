import { InputError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { fields } from "../../toml.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { mirrorForm, mirrorText, readSettings } from "../../platform/settings.ts";
import { editSettings } from "../../platform/settings/edit-settings.ts";
import type { CommonOptions, TspackHost } from "../toolbox.ts";
import { say, settingsFile, wrongValue } from "./config.ts";

/** Options of the commands about mirrors of run images. */
export interface MirrorsOptions extends CommonOptions {
  readonly mirror?: readonly string[];
}

type RunImageMirrors = ReadonlyMap<string, readonly string[]>;

const runImagesKey = (mirrors: RunImageMirrors) => ({
  "run-images":
    mirrors.size === 0 ? undefined : [...mirrors].map(([image, names]) => fields({ image, mirrors: names })),
});

/** `tspack config run-image-mirrors list [IMAGE]`. */
export function listRunImageMirrors(host: TspackHost, [image]: readonly string[]): Promise<void> {
  const all = [...readSettings(settingsFile(host)).runImageMirrors];
  const shown = all.filter(([name]) => image === undefined || name === image);
  if (shown.length === 0)
    host.stdout(`No run image mirrors have been set${image === undefined ? "" : ` for ${image}`}\n`);
  else host.stdout(`Run Image Mirrors:\n${shown.map(([name, mirrors]) => block(name, mirrors)).join("")}`);
  return Promise.resolve();
}

function block(name: string, lines: readonly string[]): string {
  return `  ${name}:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

/** `tspack config run-image-mirrors add IMAGE --mirror NAME`. */
export async function addRunImageMirrors(
  host: TspackHost,
  [image = ""]: readonly string[],
  options: MirrorsOptions,
): Promise<void> {
  const added = mirrorNames(options);
  if (added.length === 0) {
    const issue = { source: "--mirror", path: "", expected: "another name of the run image", got: "nothing" };
    throw new InputError("INVALID_ARGUMENTS", "no mirror was named", [issue]);
  }
  for (const name of [image, ...added]) parseReference(name, name === image ? "argument" : "--mirror");
  await editSettings(settingsFile(host), ({ runImageMirrors }) => {
    const names = [...new Set([...(runImageMirrors.get(image) ?? []), ...added])];
    return runImagesKey(new Map([...runImageMirrors, [image, names]]));
  });
  for (const name of added) say(host, options, `Run image ${image} has the mirror ${name}`);
}

function mirrorNames({ mirror = [] }: MirrorsOptions): readonly string[] {
  return mirror
    .flatMap((text) => text.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** `tspack config run-image-mirrors set IMAGE --mirror NAME`: those and no others. */
export async function setRunImageMirrors(
  host: TspackHost,
  [image = ""]: readonly string[],
  options: MirrorsOptions,
): Promise<void> {
  const names = [...new Set(mirrorNames(options))];
  for (const name of [image, ...names]) parseReference(name, name === image ? "argument" : "--mirror");
  await editSettings(settingsFile(host), ({ runImageMirrors }) => {
    const others = [...runImageMirrors].filter(([name]) => name !== image);
    return runImagesKey(new Map(names.length === 0 ? others : [...others, [image, names]]));
  });
  if (names.length === 0) return say(host, options, `Run image ${image} has no mirrors`);
  for (const name of names) say(host, options, `Run image ${image} has the mirror ${name}`);
}

/** `tspack config run-image-mirrors remove IMAGE`: all of its mirrors, or those of `--mirror`. */
export async function removeRunImageMirrors(
  host: TspackHost,
  [image = ""]: readonly string[],
  options: MirrorsOptions,
): Promise<void> {
  const removed = mirrorNames(options);
  for (const name of removed) parseReference(name, "--mirror");
  let known = false;
  await editSettings(settingsFile(host), ({ runImageMirrors }) => {
    const old = runImageMirrors.get(image);
    known = old !== undefined;
    if (old === undefined) return undefined;
    const left = removed.length === 0 ? [] : old.filter((name) => !removed.includes(name));
    const others = [...runImageMirrors].filter(([name]) => name !== image);
    return runImagesKey(new Map(left.length === 0 ? others : [...others, [image, left]]));
  });
  if (!known) return say(host, options, `No run image mirrors have been set for ${image}`);
  const what = removed.length === 0 ? "all mirrors" : removed.join(", ");
  say(host, options, `Removed ${what} of run image ${image}`);
}

/** `tspack config registry-mirrors list`. */
export function listRegistryMirrors(host: TspackHost): Promise<void> {
  const { registryMirrors } = readSettings(settingsFile(host));
  if (registryMirrors.size === 0) host.stdout("No registry mirrors have been set\n");
  else
    host.stdout(
      `Registry Mirrors:\n${[...registryMirrors].map(([name, mirror]) => `  ${name}: ${mirror}\n`).join("")}`,
    );
  return Promise.resolve();
}

const registryMirrorsKey = (mirrors: ReadonlyMap<string, string>) => ({
  "registry-mirrors": mirrors.size === 0 ? undefined : fields(Object.fromEntries(mirrors)),
});

/** `tspack config registry-mirrors add REGISTRY --mirror HOST`. */
export async function addRegistryMirror(
  host: TspackHost,
  [registry = ""]: readonly string[],
  options: CommonOptions & { readonly mirror: string },
): Promise<void> {
  if (registry !== "*" && (registry.includes("/") || !mirrorForm.test(registry)))
    throw wrongValue("registry", "HOST[:PORT] of a registry, or *", registry);
  if (!mirrorForm.test(options.mirror)) throw wrongValue("--mirror", mirrorText, options.mirror);
  await editSettings(settingsFile(host), ({ registryMirrors }) =>
    registryMirrorsKey(new Map([...registryMirrors, [registry, options.mirror]])),
  );
  say(host, options, `Images of registry ${registry} are fetched from ${options.mirror}`);
}

/** `tspack config registry-mirrors remove REGISTRY`. */
export async function removeRegistryMirror(
  host: TspackHost,
  [registry = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  let known = false;
  await editSettings(settingsFile(host), ({ registryMirrors }) => {
    known = registryMirrors.has(registry);
    if (!known) return undefined;
    return registryMirrorsKey(new Map([...registryMirrors].filter(([name]) => name !== registry)));
  });
  say(host, options, known ? `Removed the mirror of ${registry}` : `No registry mirror has been set for ${registry}`);
}

/** `tspack config trusted-builders list`. */
export function listTrustedBuilders(host: TspackHost): Promise<void> {
  const { trustedBuilders } = readSettings(settingsFile(host));
  const names = [defaultNames.builder, ...trustedBuilders].toSorted();
  host.stdout(`Trusted Builders:\n${names.map((name) => `  ${name}\n`).join("")}`);
  return Promise.resolve();
}

const trustedKey = (names: readonly string[]) => ({
  "trusted-builders": names.length === 0 ? undefined : names.map((name) => fields({ name })),
});

/** `tspack config trusted-builders add BUILDER`. */
export async function addTrustedBuilder(
  host: TspackHost,
  [builder = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  parseReference(builder);
  let known = builder === defaultNames.builder;
  await editSettings(settingsFile(host), ({ trustedBuilders }) => {
    known ||= trustedBuilders.includes(builder);
    return known ? undefined : trustedKey([...trustedBuilders, builder]);
  });
  say(host, options, `Builder ${builder} is ${known ? "already" : "now"} trusted`);
}

/** `tspack config trusted-builders remove BUILDER`. Throws `INVALID_ARGUMENTS` for the built-in one. */
export async function removeTrustedBuilder(
  host: TspackHost,
  [builder = ""]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  if (builder === defaultNames.builder)
    throw wrongValue("builder", "a builder that was trusted by you; the built-in one always is", builder);
  let known = false;
  await editSettings(settingsFile(host), ({ trustedBuilders }) => {
    known = trustedBuilders.includes(builder);
    return known ? trustedKey(trustedBuilders.filter((name) => name !== builder)) : undefined;
  });
  say(host, options, known ? `Builder ${builder} is no longer trusted` : `Builder ${builder} was not trusted`);
}
