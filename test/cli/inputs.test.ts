import { describe, expect, test } from "vitest";
import { type OptionName, optionRows, type PhaseCommand } from "../../lifecycle/cli/options.ts";
import { flagsOf, readPhaseArguments } from "../../lifecycle/cli/phase-options.ts";
import { parsePlatformApi, platformApis } from "../../lifecycle/cnb/api/platform.ts";

// Written down from the Platform specification, not from the table under test: each flag, and the versions that have it.
const specified: Readonly<Record<PhaseCommand, string>> = {
  analyze:
    "analyzed cache-image daemon gid layers log-level no-color previous-image run-image tag uid version " +
    "launch-cache>=0.9 skip-layers>=0.9 layout>=0.12 layout-dir>=0.12 run>=0.12 insecure-registry>=0.13 stack<0.12",
  detect:
    "app buildpacks group layers log-level no-color order plan platform version " +
    "analyzed>=0.10 extensions>=0.10 generated>=0.10 build-config>=0.11 run>=0.12 system>=0.15",
  restore:
    "analyzed cache-dir cache-image gid group layers log-level no-color skip-layers uid version " +
    "build-image>=0.10 daemon>=0.12 generated>=0.12 layout>=0.12 layout-dir>=0.12 insecure-registry>=0.13 run>=0.14",
  build: "app buildpacks group layers log-level no-color plan platform version build-config>=0.11 analyzed>=0.12",
  export:
    "analyzed app cache-dir cache-image daemon gid group image launch-cache launcher layers log-level no-color parallel " +
    "process-type project-metadata report run-image uid version launcher-sbom>=0.11 " +
    "extended>=0.12 layout>=0.12 layout-dir>=0.12 run>=0.12 insecure-registry>=0.13 stack<0.12",
  create:
    "app buildpacks cache-dir cache-image daemon gid launch-cache launcher layers log-level no-color order parallel " +
    "platform previous-image process-type project-metadata report run-image skip-restore stack tag uid version " +
    "build-config>=0.11 launcher-sbom>=0.11 layout>=0.12 layout-dir>=0.12 run>=0.12 insecure-registry>=0.13 system>=0.15",
  rebase:
    "daemon gid image log-level no-color report run-image uid version " +
    "previous-image>=0.11 force>=0.12 insecure-registry>=0.13",
  extend:
    "analyzed app buildpacks generated gid group kaniko-cache-ttl layers log-level no-color plan platform uid version " +
    "extended>=0.12 kind>=0.12",
};

// tspack's own, beside the specification's.
const allowRoot = ["allow-root"];
const ofLayers = [...allowRoot, "fingerprints", "verify-layers"];
const own: Readonly<Partial<Record<PhaseCommand, readonly string[]>>> = {
  extend: [],
  restore: ofLayers,
  export: [...ofLayers, "compression", "compression-level", "memory"],
  create: [...ofLayers, "compression", "compression-level", "memory"],
};

function expectedFlags(phase: PhaseCommand, api: string): readonly string[] {
  const minor = Number(api.split(".")[1]);
  const flags = specified[phase].split(" ").flatMap((text) => {
    const [, name = "", bound, at] = /^([a-z-]+)(?:(>=|<)0\.(\d+))?$/.exec(text) ?? [];
    if (bound === ">=" && minor < Number(at)) return [];
    return bound === "<" && minor >= Number(at) ? [] : [name];
  });
  return [...flags, ...(own[phase] ?? allowRoot)].toSorted();
}

describe.each(Object.keys(specified) as readonly PhaseCommand[])("%s", (phase) => {
  test.each(platformApis)("has the flags of Platform API %s and no others", (api) => {
    const flags = flagsOf(phase, parsePlatformApi(api)).map(({ name }) => name);
    expect(flags.toSorted()).toEqual(expectedFlags(phase, api));
  });
});

// Variable and default of each input. A flag without a variable has "-".
const variables: Readonly<Record<string, readonly [variable: string, byDefault: unknown]>> = {
  analyzed: ["CNB_ANALYZED_PATH", "/layers/analyzed.toml"],
  app: ["CNB_APP_DIR", "/workspace"],
  buildConfig: ["CNB_BUILD_CONFIG_DIR", "/cnb/build-config"],
  buildImage: ["CNB_BUILD_IMAGE", ""],
  buildpacks: ["CNB_BUILDPACKS_DIR", "/cnb/buildpacks"],
  cacheDir: ["CNB_CACHE_DIR", ""],
  cacheImage: ["CNB_CACHE_IMAGE", ""],
  compression: ["TSPACK_COMPRESSION", "gzip"],
  compressionLevel: ["TSPACK_COMPRESSION_LEVEL", undefined],
  daemon: ["CNB_USE_DAEMON", false],
  execEnv: ["CNB_EXEC_ENV", "production"],
  extended: ["CNB_EXTENDED_DIR", "/layers/extended"],
  extensions: ["CNB_EXTENSIONS_DIR", "/cnb/extensions"],
  fingerprints: ["TSPACK_FINGERPRINTS", ""],
  force: ["CNB_FORCE_REBASE", false],
  generated: ["CNB_GENERATED_DIR", "/layers/generated"],
  gid: ["CNB_GROUP_ID", undefined],
  group: ["CNB_GROUP_PATH", "/layers/group.toml"],
  insecureRegistry: ["CNB_INSECURE_REGISTRIES", []],
  kanikoCacheTtl: ["CNB_KANIKO_CACHE_TTL", "336h0m0s"],
  kind: ["CNB_EXTEND_KIND", "build"],
  launchCache: ["CNB_LAUNCH_CACHE_DIR", ""],
  launcher: ["-", "/cnb/lifecycle/launcher"],
  launcherSbom: ["-", "/cnb/lifecycle"],
  layers: ["CNB_LAYERS_DIR", "/layers"],
  layout: ["CNB_USE_LAYOUT", false],
  layoutDir: ["CNB_LAYOUT_DIR", ""],
  logLevel: ["CNB_LOG_LEVEL", "info"],
  memory: ["TSPACK_MEMORY", undefined],
  noColor: ["CNB_NO_COLOR", false],
  order: ["CNB_ORDER_PATH", "/cnb/order.toml"],
  parallel: ["CNB_PARALLEL_EXPORT", false],
  plan: ["CNB_PLAN_PATH", "/layers/plan.toml"],
  platform: ["CNB_PLATFORM_DIR", "/platform"],
  previousImage: ["CNB_PREVIOUS_IMAGE", ""],
  processType: ["CNB_PROCESS_TYPE", ""],
  projectMetadata: ["CNB_PROJECT_METADATA_PATH", "/layers/project-metadata.toml"],
  report: ["CNB_REPORT_PATH", "/layers/report.toml"],
  run: ["CNB_RUN_PATH", "/cnb/run.toml"],
  runImage: ["CNB_RUN_IMAGE", ""],
  skipLayers: ["CNB_SKIP_LAYERS", false],
  skipRestore: ["CNB_SKIP_RESTORE", false],
  stack: ["CNB_STACK_PATH", "/cnb/stack.toml"],
  system: ["CNB_SYSTEM_PATH", "/cnb/system.toml"],
  tag: ["-", []],
  verifyLayers: ["TSPACK_VERIFY_LAYERS", false],
  uid: ["CNB_USER_ID", undefined],
};

const values: Readonly<Record<string, readonly [env: string, read: unknown, flag: string, readFlag: unknown]>> = {
  string: ["/e", "/e", "/f", "/f"],
  duration: ["1h", "1h", "2h", "2h"],
  bool: ["true", true, "false", false],
  int: ["7", 7, "8", 8],
  list: ["a,b", ["a", "b"], "c", ["c"]],
};

describe.each(Object.entries(variables))("the input %s", (name, [variable, byDefault]) => {
  const row = optionRows[name as OptionName] as {
    readonly kind: string;
    readonly flag?: string;
    readonly phases: Readonly<Partial<Record<PhaseCommand, unknown>>>;
  };
  const [text = "", fromEnv, given = "", fromFlag] = values[row.kind] ?? [];
  const phases = Object.keys(row.phases) as readonly PhaseCommand[];
  const read = (phase: PhaseCommand, argv: readonly string[], env: Readonly<Record<string, string>>): unknown => {
    const api = row.flag === "stack" ? "0.11" : "0.15";
    return readPhaseArguments(phase, parsePlatformApi(api), argv, env).options[name as OptionName];
  };

  test("is its default, its variable's value or its flag's, in this order", () => {
    for (const phase of phases.length === 0 ? (["build"] as const) : phases) {
      expect(read(phase, [], {})).toEqual(byDefault);
      const env = { [variable]: text };
      if (variable !== "-") expect(read(phase, [], env)).toEqual(fromEnv);
      if (row.flag !== undefined && phases.length > 0)
        expect(read(phase, [`-${row.flag}=${given}`], env)).toEqual(fromFlag);
    }
  });
});

test("no input is left out here, but for those that the specification does not have", () => {
  const all = Object.keys(optionRows).filter((name) => !["allowRoot", "image", "kanikoDir", "version"].includes(name));
  expect(Object.keys(variables).toSorted()).toEqual(all.toSorted());
});
