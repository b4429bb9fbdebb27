import type { ApiRange } from "../cnb/api/version.ts";
import type { FlagKind } from "./go-flags.ts";

/** The phases that the lifecycle's command runs, by the specification's words. */
export type PhaseCommand = "analyze" | "detect" | "restore" | "build" | "export" | "create" | "rebase" | "extend";

/** One input of the lifecycle: its flag, its variable and its default, for the phases that have it. */
export interface OptionRow {
  readonly kind: FlagKind;
  /** Without a flag there is only the variable. */
  readonly flag?: string;
  readonly env?: string;
  /** `<layers>` stands for the layers directory, whatever that is in the end. */
  readonly default?: string;
  /** Phases that take the flag, each with the Platform APIs that do when not all. */
  readonly phases: Readonly<Partial<Record<PhaseCommand, ApiRange>>>;
  readonly description: string;
}

const all: ApiRange = {};
const from = (since: string): ApiRange => ({ since });
const below = (until: string): ApiRange => ({ until });

/** Every input of every phase. Platform specification, "Inputs" of each phase. A new flag is one row here. */
export const optionRows = {
  allowRoot: {
    kind: "bool",
    flag: "allow-root",
    env: "TSPACK_ALLOW_ROOT",
    phases: { analyze: all, detect: all, restore: all, build: all, export: all, create: all, rebase: all },
    description: "go on as root where root can not become the builder's user",
  },
  analyzed: {
    kind: "string",
    flag: "analyzed",
    env: "CNB_ANALYZED_PATH",
    default: "<layers>/analyzed.toml",
    phases: { analyze: all, detect: from("0.10"), restore: all, build: from("0.12"), export: all, extend: all },
    description: "path to analyzed.toml",
  },
  app: {
    kind: "string",
    flag: "app",
    env: "CNB_APP_DIR",
    default: "/workspace",
    phases: { detect: all, build: all, export: all, create: all, extend: all },
    description: "path to the application directory",
  },
  buildConfig: {
    kind: "string",
    flag: "build-config",
    env: "CNB_BUILD_CONFIG_DIR",
    default: "/cnb/build-config",
    phases: { detect: from("0.11"), build: from("0.11"), create: from("0.11") },
    description: "path to the operator's build configuration",
  },
  buildImage: {
    kind: "string",
    flag: "build-image",
    env: "CNB_BUILD_IMAGE",
    phases: { restore: from("0.10") },
    description: "reference of the build image",
  },
  buildpacks: {
    kind: "string",
    flag: "buildpacks",
    env: "CNB_BUILDPACKS_DIR",
    default: "/cnb/buildpacks",
    phases: { detect: all, build: all, create: all, extend: all },
    description: "path to the buildpacks directory",
  },
  cacheDir: {
    kind: "string",
    flag: "cache-dir",
    env: "CNB_CACHE_DIR",
    phases: { restore: all, export: all, create: all },
    description: "path to the cache directory",
  },
  cacheImage: {
    kind: "string",
    flag: "cache-image",
    env: "CNB_CACHE_IMAGE",
    phases: { analyze: all, restore: all, export: all, create: all },
    description: "reference of the cache image",
  },
  compression: {
    kind: "string",
    flag: "compression",
    env: "TSPACK_COMPRESSION",
    default: "gzip",
    phases: { export: all, create: all },
    description: "how layers are compressed: gzip, or zstd where the destination takes it",
  },
  compressionLevel: {
    kind: "int",
    flag: "compression-level",
    env: "TSPACK_COMPRESSION_LEVEL",
    phases: { export: all, create: all },
    description: "how much layers are compressed, from 0 (not at all) to 9 (most); default 3",
  },
  daemon: {
    kind: "bool",
    flag: "daemon",
    env: "CNB_USE_DAEMON",
    phases: { analyze: all, restore: from("0.12"), export: all, create: all, rebase: all },
    description: "export to the container engine",
  },
  execEnv: {
    kind: "string",
    env: "CNB_EXEC_ENV",
    default: "production",
    phases: {},
    description: "execution environment",
  },
  extended: {
    kind: "string",
    flag: "extended",
    env: "CNB_EXTENDED_DIR",
    default: "<layers>/extended",
    phases: { export: from("0.12"), extend: from("0.12") },
    description: "path to layers that image extensions made",
  },
  extensions: {
    kind: "string",
    flag: "extensions",
    env: "CNB_EXTENSIONS_DIR",
    default: "/cnb/extensions",
    phases: { detect: from("0.10") },
    description: "path to the extensions directory",
  },
  fingerprints: {
    kind: "string",
    flag: "fingerprints",
    env: "TSPACK_FINGERPRINTS",
    phases: { restore: all, export: all, create: all },
    description: "directory for fingerprints of layers, which need not be read again (the cache directory)",
  },
  force: {
    kind: "bool",
    flag: "force",
    env: "CNB_FORCE_REBASE",
    phases: { rebase: from("0.12") },
    description: "rebase even when that is unsafe",
  },
  generated: {
    kind: "string",
    flag: "generated",
    env: "CNB_GENERATED_DIR",
    default: "<layers>/generated",
    phases: { detect: from("0.10"), restore: from("0.12"), extend: all },
    description: "path to files that image extensions generated",
  },
  gid: {
    kind: "int",
    flag: "gid",
    env: "CNB_GROUP_ID",
    phases: { analyze: all, restore: all, export: all, create: all, rebase: all, extend: all },
    description: "group of the user in the build and run images",
  },
  group: {
    kind: "string",
    flag: "group",
    env: "CNB_GROUP_PATH",
    default: "<layers>/group.toml",
    phases: { detect: all, restore: all, build: all, export: all, extend: all },
    description: "path to group.toml",
  },
  image: {
    kind: "string",
    flag: "image",
    phases: { export: all, rebase: all },
    description: "[deprecated] reference of the run image",
  },
  insecureRegistry: {
    kind: "list",
    flag: "insecure-registry",
    env: "CNB_INSECURE_REGISTRIES",
    phases: {
      analyze: from("0.13"),
      restore: from("0.13"),
      export: from("0.13"),
      create: from("0.13"),
      rebase: from("0.13"),
    },
    description: "registry that may be used without TLS",
  },
  kanikoCacheTtl: {
    kind: "duration",
    flag: "kaniko-cache-ttl",
    env: "CNB_KANIKO_CACHE_TTL",
    default: "336h0m0s",
    phases: { extend: all },
    description: "kaniko cache time-to-live",
  },
  kanikoDir: {
    kind: "string",
    env: "CNB_KANIKO_DIR",
    default: "/kaniko",
    phases: {},
    description: "where the restorer keeps base images for the extender",
  },
  kind: {
    kind: "string",
    flag: "kind",
    env: "CNB_EXTEND_KIND",
    default: "build",
    phases: { extend: from("0.12") },
    description: "kind of image to extend",
  },
  launchCache: {
    kind: "string",
    flag: "launch-cache",
    env: "CNB_LAUNCH_CACHE_DIR",
    phases: { analyze: from("0.9"), export: all, create: all },
    description: "path to the launch cache directory",
  },
  launcher: {
    kind: "string",
    flag: "launcher",
    default: "/cnb/lifecycle/launcher",
    phases: { export: all, create: all },
    description: "path to the launcher",
  },
  launcherSbom: {
    kind: "string",
    flag: "launcher-sbom",
    default: "/cnb/lifecycle",
    phases: { export: from("0.11"), create: from("0.11") },
    description: "path to the launcher's SBOM files",
  },
  layers: {
    kind: "string",
    flag: "layers",
    env: "CNB_LAYERS_DIR",
    default: "/layers",
    phases: { analyze: all, detect: all, restore: all, build: all, export: all, create: all, extend: all },
    description: "path to the layers directory",
  },
  layout: {
    kind: "bool",
    flag: "layout",
    env: "CNB_USE_LAYOUT",
    phases: { analyze: from("0.12"), restore: from("0.12"), export: from("0.12"), create: from("0.12") },
    description: "export to an OCI layout on disk",
  },
  layoutDir: {
    kind: "string",
    flag: "layout-dir",
    env: "CNB_LAYOUT_DIR",
    phases: { analyze: from("0.12"), restore: from("0.12"), export: from("0.12"), create: from("0.12") },
    description: "path to the directory of OCI layouts",
  },
  logLevel: {
    kind: "string",
    flag: "log-level",
    env: "CNB_LOG_LEVEL",
    default: "info",
    phases: { analyze: all, detect: all, restore: all, build: all, export: all, create: all, rebase: all, extend: all },
    description: "logging level",
  },
  noColor: {
    kind: "bool",
    flag: "no-color",
    env: "CNB_NO_COLOR",
    phases: { analyze: all, detect: all, restore: all, build: all, export: all, create: all, rebase: all, extend: all },
    description: "disable color output",
  },
  order: {
    kind: "string",
    flag: "order",
    env: "CNB_ORDER_PATH",
    default: "<layers>/order.toml",
    phases: { detect: all, create: all },
    description: "path to order.toml",
  },
  parallel: {
    kind: "bool",
    flag: "parallel",
    env: "CNB_PARALLEL_EXPORT",
    phases: { export: all, create: all },
    description: "export app image and cache image in parallel",
  },
  plan: {
    kind: "string",
    flag: "plan",
    env: "CNB_PLAN_PATH",
    default: "<layers>/plan.toml",
    phases: { detect: all, build: all, extend: all },
    description: "path to plan.toml",
  },
  platform: {
    kind: "string",
    flag: "platform",
    env: "CNB_PLATFORM_DIR",
    default: "/platform",
    phases: { detect: all, build: all, create: all, extend: all },
    description: "path to the platform directory",
  },
  previousImage: {
    kind: "string",
    flag: "previous-image",
    env: "CNB_PREVIOUS_IMAGE",
    phases: { analyze: all, create: all, rebase: from("0.11") },
    description: "reference of the previous image",
  },
  processType: {
    kind: "string",
    flag: "process-type",
    env: "CNB_PROCESS_TYPE",
    phases: { export: all, create: all },
    description: "default process type",
  },
  projectMetadata: {
    kind: "string",
    flag: "project-metadata",
    env: "CNB_PROJECT_METADATA_PATH",
    default: "<layers>/project-metadata.toml",
    phases: { export: all, create: all },
    description: "path to project-metadata.toml",
  },
  report: {
    kind: "string",
    flag: "report",
    env: "CNB_REPORT_PATH",
    default: "<layers>/report.toml",
    phases: { export: all, create: all, rebase: all },
    description: "path to report.toml",
  },
  run: {
    kind: "string",
    flag: "run",
    env: "CNB_RUN_PATH",
    default: "/cnb/run.toml",
    phases: {
      analyze: from("0.12"),
      detect: from("0.12"),
      restore: from("0.14"),
      export: from("0.12"),
      create: from("0.12"),
    },
    description: "path to run.toml",
  },
  runImage: {
    kind: "string",
    flag: "run-image",
    env: "CNB_RUN_IMAGE",
    phases: { analyze: all, export: all, create: all, rebase: all },
    description: "reference of the run image",
  },
  skipLayers: {
    kind: "bool",
    flag: "skip-layers",
    env: "CNB_SKIP_LAYERS",
    phases: { analyze: from("0.9"), restore: all },
    description: "do not provide layer metadata to buildpacks",
  },
  skipRestore: {
    kind: "bool",
    flag: "skip-restore",
    env: "CNB_SKIP_RESTORE",
    phases: { create: all },
    description: "do not restore layers or layer metadata",
  },
  stack: {
    kind: "string",
    flag: "stack",
    env: "CNB_STACK_PATH",
    default: "/cnb/stack.toml",
    phases: { analyze: below("0.12"), export: below("0.12"), create: all },
    description: "path to stack.toml",
  },
  system: {
    kind: "string",
    flag: "system",
    env: "CNB_SYSTEM_PATH",
    default: "/cnb/system.toml",
    phases: { detect: from("0.15"), create: from("0.15") },
    description: "path to system.toml",
  },
  tag: {
    kind: "list",
    flag: "tag",
    phases: { analyze: all, create: all },
    description: "additional tag",
  },
  uid: {
    kind: "int",
    flag: "uid",
    env: "CNB_USER_ID",
    phases: { analyze: all, restore: all, export: all, create: all, rebase: all, extend: all },
    description: "user in the build and run images",
  },
  verifyLayers: {
    kind: "bool",
    flag: "verify-layers",
    env: "TSPACK_VERIFY_LAYERS",
    phases: { restore: all, export: all, create: all },
    description: "read layers that look untouched, too, and compare",
  },
  version: {
    kind: "bool",
    flag: "version",
    phases: { analyze: all, detect: all, restore: all, build: all, export: all, create: all, rebase: all, extend: all },
    description: "show version",
  },
} as const satisfies Readonly<Record<string, OptionRow>>;

/** The name of an input. */
export type OptionName = keyof typeof optionRows;

/** The type that an input of a kind has once it is read. */
interface ValueOfKind {
  readonly string: string;
  readonly bool: boolean;
  readonly int: number | undefined;
  readonly list: readonly string[];
  readonly duration: string;
}

/** All inputs, each with its value: flag before variable before default; `""` when there is none. */
export type PhaseOptions = { readonly [K in OptionName]: ValueOfKind[(typeof optionRows)[K]["kind"]] };
