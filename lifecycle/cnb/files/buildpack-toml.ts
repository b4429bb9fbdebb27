import { decodeToml, type TableReader } from "../../decode.ts";
import { isTable, type TomlDocument, type TomlTable } from "../../toml.ts";
import { knownBuildpackFeatures } from "../api/buildpack.ts";
import { buildpackIdProblem, versionProblem } from "../ids.ts";
import { targetsOfStacks } from "../target.ts";
import { type OrderGroup, readOrder } from "./group.ts";

/** A distribution that a target names; an empty version matches every one. */
export interface TargetDistro {
  readonly name: string;
  readonly version: string;
}

/** Where a buildpack says it runs; empty fields match everything. `[[targets]]`, Buildpack specification. */
export interface BuildpackTarget {
  readonly os: string;
  readonly arch: string;
  readonly variant: string;
  readonly distros: readonly TargetDistro[];
}

/** A stack that an old buildpack names. */
export interface BuildpackStack {
  readonly id: string;
  readonly mixins: readonly string[];
}

/** `buildpack.toml` or `extension.toml`: a component buildpack, a composite or an extension. */
export interface BuildpackDescriptor {
  readonly api: string;
  readonly kind: "component" | "composite" | "extension";
  readonly id: string;
  readonly version: string;
  readonly name?: string | undefined;
  readonly homepage?: string | undefined;
  readonly description?: string | undefined;
  readonly clearEnv: boolean;
  readonly sbomFormats: readonly string[];
  readonly licenses: readonly { readonly type?: string | undefined; readonly uri?: string | undefined }[];
  readonly keywords: readonly string[];
  readonly targets: readonly BuildpackTarget[];
  readonly stacks: readonly BuildpackStack[];
  /** Execution environments it is for; empty means all. Platform API 0.15. */
  readonly execEnv: readonly string[];
  /** Of a composite; empty otherwise. */
  readonly order: readonly OrderGroup[];
  readonly metadata: TomlTable;
  /** Its directory in the builder. */
  readonly rootDir: string;
}

/**
 * Reads `buildpack.toml` or, when it has `[extension]`, `extension.toml`. Old stacks become targets.
 * The API is not judged here: see `buildpackFeatures`. Throws `INVALID_BUILDPACK`.
 */
export function decodeBuildpackToml(document: TomlDocument, rootDir: string): BuildpackDescriptor {
  const hint = "fields are listed in the Buildpack specification, buildpack.toml";
  return decodeToml(document, { code: "INVALID_BUILDPACK", hint }, (root) => {
    const isExtension = root.has("extension") && !root.has("buildpack");
    const api = root.string("api") ?? "";
    const order = readOrder(root, "order").map((one) => withoutExecEnv(one, api));
    return {
      api,
      kind: isExtension ? "extension" : order.length > 0 ? "composite" : "component",
      ...readInfo(root.subTable(isExtension ? "extension" : "buildpack"), api),
      ...readTargets(root, api),
      order,
      metadata: root.freeTable("metadata") ?? {},
      rootDir,
    };
  });
}

function readInfo(info: TableReader, api: string) {
  return {
    id: checked(info, "id", buildpackIdProblem),
    version: checked(info, "version", versionProblem),
    name: info.string("name"),
    homepage: info.string("homepage"),
    description: info.string("description"),
    clearEnv: info.boolean("clear-env") ?? false,
    sbomFormats: info.strings("sbom-formats") ?? [],
    licenses: info.tables("licenses").map((one) => ({ type: one.string("type"), uri: one.string("uri") })),
    keywords: info.strings("keywords") ?? [],
    execEnv: hasExecEnv(api) ? readExecEnv(info) : [],
  };
}

function hasExecEnv(api: string): boolean {
  return knownBuildpackFeatures(api)?.execEnv === true;
}

/** The specification has tables with a `name`; the reference, and so every buildpack that it runs, has strings. */
function readExecEnv(info: TableReader): readonly string[] {
  const value = info.raw("exec-env");
  const areTables = Array.isArray(value) && value.some(isTable);
  if (areTables) return info.tables("exec-env").map((one) => one.requiredString("name"));
  return info.strings("exec-env") ?? [];
}

function withoutExecEnv({ group }: OrderGroup, api: string): OrderGroup {
  return hasExecEnv(api) ? { group } : { group: group.map(({ execEnv: _execEnv, ...element }) => element) };
}

function checked(info: TableReader, key: string, problemOf: (text: string) => string | undefined): string {
  const text = info.requiredString(key);
  const problem = text === "" ? undefined : problemOf(text);
  if (problem !== undefined) info.issue(key, problem);
  return text;
}

function readTargets(root: TableReader, api: string): Pick<BuildpackDescriptor, "targets" | "stacks"> {
  const targets = root.tables("targets").map(readTarget);
  const stacks = root
    .tables("stacks")
    .map((stack) => ({ id: stack.requiredString("id"), mixins: stack.strings("mixins") ?? [] }));
  return { stacks, targets: targets.length > 0 ? targets : targetsOfStacks(stacks, knownBuildpackFeatures(api)) };
}

function readTarget(target: TableReader): BuildpackTarget {
  return {
    os: target.string("os") ?? "",
    arch: target.string("arch") ?? "",
    // The specification says "variant"; the reference reads "arch-variant", and buildpacks follow it.
    variant: target.string("arch-variant") ?? target.string("variant") ?? "",
    distros: target.tables("distros").map((distro) => ({
      name: distro.string("name") ?? "",
      version: distro.string("version") ?? "",
    })),
  };
}
