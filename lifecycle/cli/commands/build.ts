import type { Compression } from "../../oci/zstd.ts";
import { resolve } from "node:path";
import { workLimits } from "../../oci/work-limits.ts";
import { InputError } from "../../errors.ts";
import { build as buildApplication } from "../../platform/build/build.ts";
import { failedEvent } from "../../platform/build/failure.ts";
import { parseCache } from "../../platform/build/parse-cache.ts";
import { parseOutput } from "../../platform/build/parse-output.ts";
import type { BuildOutput, BuildRequest, PullPolicy, RunnerChoice } from "../../platform/build/request.ts";
import type { OnEvent } from "../../platform/events.ts";
import { readEnvFile } from "../../platform/project/env-file.ts";
import type { SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import { eventPrinter, type EventPrinterOptions } from "../event-printer.ts";
import { networkAccess } from "../network-access.ts";
import { packOutput, packPrinter, packSummary } from "../pack-name.ts";
import { type CommonOptions, readVariables, type TspackHost } from "../toolbox.ts";
import { summaryText } from "./build-summary.ts";

/** Options of `tspack build`, as the command line names them. */
export interface BuildOptions extends CommonOptions {
  readonly path: string;
  readonly descriptor?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly defaultProcess?: string;
  readonly execEnv?: string;
  readonly workspace?: string;
  readonly builder?: string;
  readonly buildpack?: readonly string[];
  readonly preBuildpack?: readonly string[];
  readonly postBuildpack?: readonly string[];
  readonly extension?: readonly string[];
  readonly buildpackRegistry?: string;
  readonly disableSystemBuildpacks?: boolean;
  readonly trustBuilder?: boolean;
  readonly trustExtraBuildpacks?: boolean;
  readonly lifecycleImage?: string;
  readonly mirror?: string;
  readonly tag?: readonly string[];
  readonly publish?: boolean;
  readonly output?: string;
  readonly runImage?: string;
  readonly previousImage?: string;
  readonly platform?: string;
  readonly creationTime?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly compression?: Compression;
  readonly compressionLevel?: number;
  readonly memory?: number;
  readonly reportOutputDir?: string;
  readonly sbomOutputDir?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly clearCache?: boolean;
  readonly verifyLayers?: boolean;
  readonly cache?: readonly string[];
  readonly cacheImage?: string;
  readonly pullPolicy?: PullPolicy;
  readonly runner?: RunnerChoice;
  readonly sandbox?: SandboxKind;
  readonly network?: string;
  readonly volume?: readonly string[];
  readonly dockerHost?: string;
}

/** `tspack build`: source code in, image out. Text goes to standard error, the result to standard output. */
export async function build(host: TspackHost, [name = ""]: readonly string[], options: BuildOptions): Promise<void> {
  const { quiet = false, timestamps = false, json = false } = options;
  const color = host.color && options.color !== false;
  const print = printerOf(host, options, { color, quiet, timestamps });
  const onEvent: OnEvent = (event) => {
    print(event);
    if (json) host.stdout(`${JSON.stringify(event)}\n`);
  };
  const result = await buildApplication(readRequest(host, name, options, onEvent), {
    machine: host,
    openNetwork: (insecureRegistries, ctx) =>
      networkAccess(host.env, insecureRegistries, ctx, workLimits(options.memory).uploads),
    onEvent,
    signal: host.signal,
  });
  if (json) return;
  if (host.calledAs === "pack") host.stdout(quiet ? "" : packSummary(name));
  else host.stdout(summaryText(result, { quiet, color }));
}

type PrinterOptions = Omit<EventPrinterOptions, "write" | "terminal">;

function printerOf(host: TspackHost, options: BuildOptions, how: PrinterOptions): OnEvent {
  if (host.calledAs !== "pack" || options.json === true)
    return eventPrinter({ ...how, write: host.stderr, terminal: host.terminal, columns: () => host.columns });
  // There is one container for all phases then, whose lines have no name before them.
  const hasOthers = [options.buildpack, options.preBuildpack, options.postBuildpack].some((list) => list !== undefined);
  const isOne = options.trustBuilder === true && (!hasOthers || options.trustExtraBuildpacks === true);
  return packPrinter(host, { ...how, prefixes: !isOne });
}

/** Who reads events learns of a bad command line by them, too. */
function readRequest(host: TspackHost, name: string, options: BuildOptions, onEvent: OnEvent): BuildRequest {
  try {
    return requestOf(host, name, options, onEvent);
  } catch (error) {
    onEvent({ time: new Date().toISOString(), ...failedEvent(error) });
    throw error;
  }
}

function requestOf(host: TspackHost, name: string, options: BuildOptions, onEvent: OnEvent): BuildRequest {
  const { output, publish = false } = options;
  return {
    // What has the same name and form there.
    ...options,
    names: [name, ...(options.tag ?? [])],
    env: { ...variablesOfFiles(host, options, onEvent), ...readVariables(options.env ?? [], host.env) },
    output: outputOf(output, publish) ?? (host.calledAs === "pack" ? packOutput(host.env) : undefined),
    buildpacks: options.buildpack,
    preBuildpacks: options.preBuildpack,
    postBuildpacks: options.postBuildpack,
    extensions: options.extension,
    volumes: options.volume,
    caches: options.cache?.map(parseCache),
    insecureRegistries: options.insecureRegistry,
    debianMirror: options.mirror,
  };
}

function variablesOfFiles({ cwd, env }: TspackHost, { envFile = [] }: BuildOptions, onEvent: OnEvent) {
  const files = envFile.map((file) => ({ file, ...readEnvFile(resolve(cwd, file), env) }));
  for (const { file, unset } of files) {
    for (const name of unset) {
      onEvent({
        time: new Date().toISOString(),
        type: "warning",
        message: `${name} of ${file} is not set, and is left out`,
      });
    }
  }
  return Object.fromEntries(files.flatMap(({ variables }) => Object.entries(variables)));
}

function outputOf(output: string | undefined, publish: boolean): BuildOutput | undefined {
  const given = output === undefined ? undefined : parseOutput(output);
  if (!publish) return given;
  if (given === undefined || given.kind === "registry") return { kind: "registry" };
  const issue = {
    source: "--output",
    path: "",
    expected: "registry, as --publish says the same",
    got: JSON.stringify(output),
  };
  throw new InputError("INVALID_ARGUMENTS", "an image can go to one place at a time", [issue]);
}
