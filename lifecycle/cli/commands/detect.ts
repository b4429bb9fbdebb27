import { resolve } from "node:path";
import { TspackError } from "../../errors.ts";
import type { PullPolicy } from "../../platform/build/request.ts";
import { detectApplication, type Detection } from "../../platform/detect/detect-application.ts";
import type { DetectAttempt, DetectedBuildpack } from "../../platform/detect/read-results.ts";
import { withEngineImages } from "../../platform/image-places/engine-images.ts";
import { readEnvFile } from "../../platform/project/env-file.ts";
import type { SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import { type CommonOptions, openToolbox, readVariables, type TspackHost } from "../toolbox.ts";

/** Options of `tspack detect`, as the command line names them. */
export interface DetectOptions extends CommonOptions {
  readonly path: string;
  readonly descriptor?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly execEnv?: string;
  readonly builder?: string;
  readonly buildpack?: readonly string[];
  readonly preBuildpack?: readonly string[];
  readonly postBuildpack?: readonly string[];
  readonly extension?: readonly string[];
  readonly buildpackRegistry?: string;
  readonly disableSystemBuildpacks?: boolean;
  readonly mirror?: string;
  readonly runImage?: string;
  readonly pullPolicy?: PullPolicy;
  readonly sandbox?: SandboxKind;
  readonly network?: "host" | "none";
  readonly volume?: readonly string[];
  readonly json?: boolean;
}

/** `tspack detect`: which group would build an application. Ends with the code of `build` when none would. */
export async function detect(host: TspackHost, _args: readonly string[], options: DetectOptions): Promise<void> {
  const { verbose = false } = options;
  const request = {
    ...options,
    env: { ...variablesOfFiles(host, options), ...readVariables(options.env ?? [], host.env) },
    buildpacks: options.buildpack,
    preBuildpacks: options.preBuildpack,
    postBuildpacks: options.postBuildpack,
    extensions: options.extension,
    debianMirror: options.mirror,
    volumes: options.volume,
  };
  const detection = await withEngineImages(openToolbox(host, options), (tools) => detectApplication(request, tools));
  const { log, ...facts } = detection;
  if (options.json === true) host.stdout(`${JSON.stringify(verbose ? { ...facts, log } : facts, undefined, 2)}\n`);
  else host.stdout(detectionText(detection, verbose));
  if (detection.passed) return;
  const isError = detection.attempts.some(({ buildpacks }) => buildpacks.some(({ result }) => result === "error"));
  const message = `no group of buildpacks of ${detection.builder} would build ${options.path}`;
  throw new TspackError(isError ? "DETECT_ERROR" : "DETECT_FAILED", message, {
    hint: detection.hints[0] ?? "the table above says why each buildpack declined",
  });
}

function variablesOfFiles({ cwd, env }: TspackHost, { envFile = [] }: DetectOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(envFile.flatMap((file) => Object.entries(readEnvFile(resolve(cwd, file), env).variables)));
}

function detectionText(detection: Detection, verbose: boolean): string {
  const { passed, group, plan, attempts, log } = detection;
  const tried = attempts.map((attempt, index) =>
    attemptText(attempt, index, passed && index === attempts.length - 1, verbose),
  );
  // A lifecycle that says it in other words is shown as it is.
  const groups = attempts.length === 0 ? log.map((line) => `${line}\n`) : tried;
  if (!passed) return `${groups.join("\n")}\n`;
  const members = group.map(({ id, version, extension }) => `  ${id} ${version}${extension ? " (extension)" : ""}\n`);
  const needs = plan
    .filter(({ requires }) => requires.length > 0)
    .map(({ providers, requires }) => `  ${requires.join(", ")}: ${providers.join(", ")}\n`);
  const provided = needs.length === 0 ? "" : `\nProvided\n${needs.join("")}`;
  return `${groups.join("\n")}\nWould build\n${members.join("")}${provided}`;
}

function attemptText({ buildpacks, plan }: DetectAttempt, index: number, passed: boolean, verbose: boolean): string {
  const width = Math.max(0, ...buildpacks.map(({ id, version }) => id.length + version.length + 1));
  const rows = buildpacks.map((one) => {
    const row = `  ${one.result.padEnd(5)}  ${`${one.id} ${one.version}`.padEnd(width)}${reasonText(one)}`;
    return `${row.trimEnd()}\n${detailText(one, verbose)}`;
  });
  const problems = plan.map(
    ({ id, version, kind, name, fatal }) =>
      `  ${fatal ? "fail" : "skip"}   ${id} ${version} ${kind === "requires" ? `requires ${name}, which nobody provides` : `provides ${name}, which nobody requires`}\n`,
  );
  return `Group ${index + 1}: ${passed ? "pass" : "fail"}\n${rows.join("")}${problems.join("")}`;
}

function reasonText({ result, exitCode, problem }: DetectedBuildpack): string {
  if (result === "skip") return "  optional, declined";
  if (result !== "error") return result === "fail" ? "  declined" : "";
  const [first] = (problem ?? "").split("\n");
  if (first !== undefined && first !== "") return `  ${first}`;
  return exitCode === undefined ? "  did not end by itself" : `  bin/detect ended with ${exitCode}`;
}

/** What went wrong is always shown with what the buildpack wrote. */
function detailText({ result, output }: DetectedBuildpack, verbose: boolean): string {
  if (output === "" || (!verbose && result === "pass")) return "";
  const lines = output.split("\n");
  const shown = verbose || result === "error" ? lines : lines.slice(-3);
  return shown.map((line) => `           | ${line}\n`).join("");
}
