import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { placesFrom } from "../../platform/places.ts";
import { pullPolicies, readSettings, runnerChoices, type Settings } from "../../platform/settings.ts";
import { editSettings } from "../../platform/settings/edit-settings.ts";
import type { ScalarSetting } from "../program/config.ts";
import type { CommonOptions, TspackHost } from "../toolbox.ts";

/** Where the settings of this person are. */
export function settingsFile(host: TspackHost): string {
  return placesFrom(host.env).config;
}

/** Says what was done, unless nobody wants to hear it. */
export function say(host: TspackHost, { quiet }: CommonOptions, text: string): void {
  if (quiet !== true) host.stdout(`${text}\n`);
}

/** `tspack config list`: all settings, with what holds where nothing is set. */
export function listSettings(
  host: TspackHost,
  _args: readonly string[],
  options: CommonOptions & { readonly json?: boolean },
): Promise<void> {
  const path = settingsFile(host);
  const settings = readSettings(path);
  if (options.json === true) host.stdout(`${JSON.stringify(settingsDocument(settings), undefined, 2)}\n`);
  else host.stdout(settingsText(path, settings));
  return Promise.resolve();
}

/** Settings as plain data, with the keys of `config.toml`. */
export function settingsDocument(settings: Settings): object {
  return {
    "default-builder-image": settings.defaultBuilder,
    "pull-policy": settings.pullPolicy,
    "lifecycle-image": settings.lifecycleImage,
    runner: settings.runner,
    "debian-mirror": settings.debianMirror,
    experimental: settings.experimental,
    "run-images": [...settings.runImageMirrors].map(([image, mirrors]) => ({ image, mirrors })),
    "registry-mirrors": Object.fromEntries(settings.registryMirrors),
    "trusted-builders": settings.trustedBuilders.map((name) => ({ name })),
    "default-registry": settings.defaultRegistry,
    registries: settings.buildpackRegistries,
  };
}

function settingsText(path: string, settings: Settings): string {
  const rows: readonly (readonly [string, string])[] = [
    ...scalarNames.map((name) => [name, valueOf(settings, name) ?? `not set: ${scalarRules[name].otherwise}`] as const),
    ["experimental", String(settings.experimental)],
    ...[...settings.runImageMirrors].map(
      ([image, mirrors]) => ["run image", `${image}: ${mirrors.join(", ")}`] as const,
    ),
    ...[...settings.registryMirrors].map(([host, mirror]) => ["registry mirror", `${host}: ${mirror}`] as const),
    ...settings.trustedBuilders.map((name) => ["trusted builder", name] as const),
    ...settings.buildpackRegistries.map(({ name, url }) => {
      const isDefault = name === settings.defaultRegistry;
      return ["registry", `${name}: ${url}${isDefault ? " (default)" : ""}`] as const;
    }),
  ];
  return `${path}\n${rows.map(([name, value]) => `  ${name.padEnd(16)} ${value}\n`).join("")}`;
}

interface ScalarRule {
  /** In `config.toml`. */
  readonly key: string;
  /** What holds without the setting. */
  readonly otherwise: string;
  /** The value as it is kept; undefined when it can not be one, which is then told as `expected`. */
  readonly read: (text: string, host: TspackHost) => string | undefined;
  readonly expected: string;
}

const scalarRules: Readonly<Record<ScalarSetting, ScalarRule>> = {
  "default-builder": {
    key: "default-builder-image",
    otherwise: `the built-in one, ${defaultNames.builder}`,
    read: readBuilder,
    expected: "an image, oci:PATH, or a builder.toml that is there",
  },
  "pull-policy": {
    key: "pull-policy",
    otherwise: "if-not-present",
    read: (text) => pullPolicies.find((one) => one === text),
    expected: `one of ${pullPolicies.join(", ")}`,
  },
  "lifecycle-image": {
    key: "lifecycle-image",
    otherwise: "tspack's own lifecycle",
    read: (text) => parseReference(text).original,
    expected: "an image",
  },
  runner: {
    key: "runner",
    otherwise: "auto",
    read: (text) => runnerChoices.find((one) => one === text),
    expected: `one of ${runnerChoices.join(", ")}`,
  },
  "debian-mirror": {
    key: "debian-mirror",
    otherwise: "the machine's apt sources",
    read: (text) => (/^https?:\/\/[^\s/@]+(?:\/\S*)?$/.test(text) ? text : undefined),
    expected: "http:// or https:// address, without a password",
  },
};

const scalarNames = Object.keys(scalarRules) as readonly ScalarSetting[];

/** Paths are kept so that they mean the same from everywhere. */
function readBuilder(text: string, { cwd }: TspackHost): string | undefined {
  if (text.startsWith("oci:")) {
    const path = resolve(cwd, text.slice("oci:".length));
    return existsSync(path) ? `oci:${path}` : undefined;
  }
  if (!text.endsWith(".toml")) return parseReference(text).original;
  const path = resolve(cwd, text);
  return existsSync(path) ? path : undefined;
}

function valueOf(settings: Settings, name: ScalarSetting): string | undefined {
  const document = settingsDocument(settings) as Readonly<Record<string, string | undefined>>;
  return document[scalarRules[name].key];
}

/** Options of `tspack config KEY`. */
export interface ScalarOptions extends CommonOptions {
  readonly unset?: boolean;
}

/** `tspack config KEY [VALUE]` of a setting that has one value. */
export function scalarCommand(name: ScalarSetting) {
  const rule = scalarRules[name];
  return async (host: TspackHost, [given]: readonly string[], options: ScalarOptions): Promise<void> => {
    const path = settingsFile(host);
    const old = valueOf(readSettings(path), name);
    if (options.unset === true) {
      if (given !== undefined) throw unsetAndSet(name, given);
      await editSettings(path, () => ({ [rule.key]: undefined }));
      const was = old === undefined ? `No ${name} was set` : `Unset ${name}, which was ${old}`;
      return say(host, options, `${was}. Now: ${rule.otherwise}.`);
    }
    if (given === undefined) {
      host.stdout(old === undefined ? `No ${name} is set: ${rule.otherwise}.\n` : `The current ${name} is ${old}\n`);
      return;
    }
    const value = rule.read(given, host);
    if (value === undefined) throw wrongValue(`config ${name}`, rule.expected, given);
    await editSettings(path, () => ({ [rule.key]: value }));
    say(host, options, `Set ${name} to ${value}`);
  };
}

/** A setting that would be set and removed by the same command. */
export function unsetAndSet(name: string, given: string): InputError {
  const issue = { source: "--unset", path: "", expected: "no value beside it", got: JSON.stringify(given) };
  return new InputError("INVALID_ARGUMENTS", `${name} can not be set and unset at a time`, [issue]);
}

/** A value that a setting can not have. */
export function wrongValue(source: string, expected: string, got: string): InputError {
  const issue = { source, path: "", expected, got: JSON.stringify(got) };
  return new InputError("INVALID_ARGUMENTS", "the setting can not have this value; nothing was changed", [issue]);
}

/** `tspack config experimental [true|false]`. */
export async function experimentalCommand(
  host: TspackHost,
  [given]: readonly string[],
  options: CommonOptions,
): Promise<void> {
  const path = settingsFile(host);
  if (given === undefined) {
    const { experimental } = readSettings(path);
    host.stdout(`Experimental features are ${experimental ? "enabled" : "not enabled"}\n`);
    return;
  }
  // The spellings that Go's programs take.
  const isTrue = ["1", "t", "T", "TRUE", "true", "True"].includes(given);
  const isFalse = ["0", "f", "F", "FALSE", "false", "False"].includes(given);
  if (!isTrue && !isFalse) throw wrongValue("config experimental", "true or false", given);
  await editSettings(path, () => ({ experimental: isTrue ? true : undefined }));
  say(host, options, `Experimental features ${isTrue ? "enabled" : "disabled"}`);
}
