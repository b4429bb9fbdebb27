import { existsSync } from "node:fs";
import { decodeToml, type TableReader } from "../decode.ts";
import { readTomlFile } from "../phases/files.ts";
import type { PullPolicy, RunnerChoice } from "./build/request.ts";
import { closest } from "./buildpacks/locate.ts";

/** A person's settings: `config.toml` in the configuration directory. DESIGN §7. */
export interface Settings {
  /** Root addresses of the Debian archive, as `--mirror` takes them. */
  readonly debianMirror: string | undefined;
  /** What `--builder` takes, when neither the command line nor the project names one. */
  readonly defaultBuilder: string | undefined;
  readonly pullPolicy: PullPolicy | undefined;
  /** What `--lifecycle-image` takes. */
  readonly lifecycleImage: string | undefined;
  readonly runner: RunnerChoice | undefined;
  /** As with pack: the commit of a Git working tree goes into the label of the image. */
  readonly experimental: boolean;
  /** Names under which a run image is found as well, by the run image's name. */
  readonly runImageMirrors: ReadonlyMap<string, readonly string[]>;
  /** `HOST[:PORT][/PATH]` that images of a registry are fetched from, by its host; `*` is every registry. */
  readonly registryMirrors: ReadonlyMap<string, string>;
  /** Builders whose buildpacks may be near registry credentials. */
  readonly trustedBuilders: readonly string[];
  /** Indexes of buildpacks besides the official one. */
  readonly buildpackRegistries: readonly BuildpackRegistry[];
  /** The index that is meant when none is named: one of those; undefined: the official one. */
  readonly defaultRegistry: string | undefined;
}

/** A Git repository that says which images buildpacks are. Buildpack Registry specification. */
export interface BuildpackRegistry {
  readonly name: string;
  readonly url: string;
  /** How one applies for an entry: by an issue, or by a commit. */
  readonly type: "git" | "github";
}

/** Values of `type` of a buildpack registry. */
export const registryTypes: readonly BuildpackRegistry["type"][] = ["git", "github"];

/** The index that is always there. */
export const officialRegistry: BuildpackRegistry = {
  name: "official",
  url: "https://github.com/buildpacks/registry-index",
  type: "github",
};

/** The keys of `config.toml`. Those that pack has as well are spelled as there. */
export const settingKeys: readonly string[] = [
  "debian-mirror",
  "default-builder-image",
  "default-registry",
  "experimental",
  "lifecycle-image",
  "pull-policy",
  "registries",
  "registry-mirrors",
  "run-images",
  "runner",
  "trusted-builders",
];

/** Values of `pull-policy`. */
export const pullPolicies: readonly PullPolicy[] = ["always", "if-not-present", "never"];
/** Values of `runner`. */
export const runnerChoices: readonly RunnerChoice[] = ["auto", "engine", "sandbox", "in-place"];

/** What holds when there is no file. */
export const noSettings: Settings = {
  debianMirror: undefined,
  defaultBuilder: undefined,
  pullPolicy: undefined,
  lifecycleImage: undefined,
  runner: undefined,
  experimental: false,
  runImageMirrors: new Map(),
  registryMirrors: new Map(),
  trustedBuilders: [],
  buildpackRegistries: [],
  defaultRegistry: undefined,
};

/** Reads the settings; none without the file. Throws `INVALID_TOML` with every problem, unknown keys among them. */
export function readSettings(path: string): Settings {
  if (!existsSync(path)) return noSettings;
  const options = { code: "INVALID_TOML", hint: `keys are: ${settingKeys.join(", ")}` } as const;
  return decodeToml(readTomlFile(path), options, (root) => {
    for (const key of root.keys())
      if (!settingKeys.includes(key)) root.issue(key, expectedKey(key), JSON.stringify(key));
    return {
      debianMirror: root.string("debian-mirror"),
      defaultBuilder: root.string("default-builder-image"),
      pullPolicy: oneOf(root, "pull-policy", pullPolicies),
      lifecycleImage: root.string("lifecycle-image"),
      runner: oneOf(root, "runner", runnerChoices),
      experimental: root.boolean("experimental") ?? false,
      runImageMirrors: new Map(
        root.tables("run-images").map((one) => [one.requiredString("image"), one.strings("mirrors") ?? []]),
      ),
      registryMirrors: readMirrors(root.subTable("registry-mirrors")),
      trustedBuilders: root.tables("trusted-builders").map((one) => one.requiredString("name")),
      buildpackRegistries: root.tables("registries").map((one) => ({
        name: one.requiredString("name"),
        url: one.requiredString("url"),
        type: oneOf(one, "type", registryTypes) ?? "github",
      })),
      defaultRegistry: root.string("default-registry"),
    };
  });
}

function expectedKey(key: string): string {
  const meant = closest(key, settingKeys);
  return meant === undefined ? `one of ${settingKeys.join(", ")}` : `a known key: did you mean ${meant}?`;
}

function oneOf<T extends string>(root: TableReader, key: string, values: readonly T[]): T | undefined {
  const text = root.string(key);
  const value = values.find((one) => one === text);
  if (text !== undefined && value === undefined) root.issue(key, `one of ${values.join(", ")}`);
  return value;
}

function readMirrors(table: TableReader): ReadonlyMap<string, string> {
  return new Map(
    table.keys().flatMap((registry) => {
      const mirror = table.string(registry);
      if (mirror === undefined) return [];
      if (!mirrorForm.test(mirror)) table.issue(registry, mirrorText);
      return [[registry, mirror] as const];
    }),
  );
}

/** The form of a mirror of a registry: a host, and a path that all its repositories are below. */
export const mirrorForm =
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
/** The same in words. */
export const mirrorText = "HOST[:PORT][/PATH], without a scheme";
