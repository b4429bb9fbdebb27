import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { writeTree } from "../scripted-builder.ts";
import { type Finished, follow, isRoot } from "../tspack.ts";
import { giveTo } from "../unprivileged/containers.ts";
import { interchangeFiles } from "./application.ts";
import type { Lifecycle } from "./implementations.ts";

/** One place where two implementations build the same application with the same paths. */
export interface Workspace {
  readonly cache: string;
  /** Runs a phase, the ones that run buildpacks as the builder's user. */
  run(by: Lifecycle, phase: string, args: readonly string[]): Promise<Finished>;
  /** Runs a phase and fails unless it succeeds; gives what it wrote. */
  succeed(by: Lifecycle, phase: string, args: readonly string[]): Promise<string>;
  /** Empties `/layers` as a platform does between two builds. */
  emptyLayers(): void;
  /** Empties the cache. */
  emptyCache(): void;
  /** Every file of the layers directory: what it is, and its content. */
  layers(): Readonly<Record<string, string>>;
}

const user = isRoot ? 1000 : (process.getuid?.() ?? 0);
const asUser = ["setpriv", "--reuid", String(user), "--regid", String(user), "--clear-groups", "--"];

/** Makes it. Every image is based on `runImage`. */
export function interchangeWorkspace(
  directory: string,
  api: string,
  runImage: string,
  launcher: string,
  files = interchangeFiles,
): Workspace {
  const at = (name: string): string => join(directory, name);
  writeTree(directory, { ...files, "run.toml": `[[images]]\nimage = "${runImage}"\n` });
  cpSync(launcher, at("launcher"));
  chmodSync(at("launcher"), 0o755);
  mkdirSync(at("platform/env"), { recursive: true });
  writeFileSync(at("platform/env/OF_PLATFORM"), "1");
  mkdirSync(at("build-config"));
  const empty = (name: string): void => {
    rmSync(at(name), { recursive: true, force: true });
    mkdirSync(at(name));
    if (isRoot) giveTo(at(name), `${user}:${user}`);
  };
  for (const name of ["layers", "cache", "tmp"]) empty(name);
  if (isRoot) giveTo(at("app"), `${user}:${user}`);
  const run = (by: Lifecycle, phase: string, args: readonly string[]): Promise<Finished> => {
    const runsBuildpacks = isRoot && (phase === "detect" || phase === "build");
    const [program = "", ...rest] = [...(runsBuildpacks ? asUser : []), ...by.command, phase, ...args];
    const env = {
      PATH: "/usr/bin:/bin",
      HOME: at("tmp"),
      TMPDIR: at("tmp"),
      CNB_PLATFORM_API: api,
      CNB_NO_COLOR: "true",
      CNB_USER_ID: String(user),
      CNB_GROUP_ID: String(user),
      CNB_APP_DIR: at("app"),
      CNB_LAYERS_DIR: at("layers"),
      CNB_BUILDPACKS_DIR: at("buildpacks"),
      CNB_PLATFORM_DIR: at("platform"),
      CNB_BUILD_CONFIG_DIR: at("build-config"),
      CNB_ORDER_PATH: at("order.toml"),
      CNB_RUN_PATH: at("run.toml"),
    };
    return follow(spawn(program, rest, { env, cwd: directory, stdio: ["ignore", "pipe", "pipe"] })).done;
  };
  return {
    cache: at("cache"),
    run,
    succeed: async (by, phase, args) => {
      const { code, stdout, stderr } = await run(by, phase, args);
      if (code === 0) return stdout;
      throw new Error(`${by.name}: ${phase} ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    },
    emptyLayers: () => empty("layers"),
    emptyCache: () => empty("cache"),
    layers: () => treeOf(at("layers")),
  };
}

function treeOf(root: string): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(names.map((name) => [name, described(join(root, name))]));
}

function described(path: string): string {
  const stats = lstatSync(path);
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (stats.isDirectory()) return `directory ${mode} ${stats.uid}:${stats.gid}`;
  const content = readFileSync(path);
  const text = path.endsWith(".toml") ? tomlOf(path, content) : createHash("sha256").update(content).digest("hex");
  // The reference gives restored SBOM files one of two modes by chance.
  return path.includes(".sbom.") ? text : `file ${mode} ${stats.uid}:${stats.gid} ${text}`;
}

/** The reference walks a map of what is provided, so that the entries of its plan come in any order. */
function tomlOf(path: string, content: Buffer): string {
  const text = content.toString();
  if (basename(path) !== "plan.toml") return text;
  return text
    .split(/^(?=\[\[entries\]\])/m)
    .map((entry) => entry.trim())
    .sort()
    .join("\n");
}

/** An image of a registry as far as two implementations can be compared. */
export interface AppImage {
  readonly layers: readonly string[];
  readonly diffIds: readonly string[];
  /** The config, with the JSON of labels decoded, and without the versions of lifecycle and launcher. */
  readonly config: AppConfig;
}

interface AppConfig {
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly unknown[];
  readonly config: { readonly Labels: Readonly<Record<string, unknown>> };
}

/** Reads an image of a registry. */
export async function appImage(name: string): Promise<AppImage> {
  const image = await registryStore({}).resolve(parseReference(name));
  if (image === undefined) throw new Error(`there is no ${name}`);
  const raw = JSON.parse(Buffer.from((await image.config()).bytes).toString()) as AppConfig & {
    readonly config: { readonly Labels: Readonly<Record<string, string>> };
  };
  const labels = Object.entries(raw.config.Labels).map(([key, text]) => [key, labelValue(key, text)] as const);
  return {
    layers: (await image.manifest()).value.layers.map(({ digest }) => digest),
    diffIds: raw.rootfs.diff_ids,
    config: { ...raw, config: { ...raw.config, Labels: Object.fromEntries(labels) } },
  };
}

/** The launcher's version is the only thing in a label that says who built. */
function labelValue(key: string, text: string): unknown {
  if (!text.startsWith("{")) return text;
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return key === "io.buildpacks.build.metadata" ? { ...value, launcher: "some version" } : text;
}
