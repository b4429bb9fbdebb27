import { posix, resolve } from "node:path";
import { InputError, type InputIssue } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { isCompression, requireZstd } from "../../oci/zstd.ts";
import { isGzipLevel } from "../../oci/gzip.ts";
import { isMemory, LEAST_MEMORY } from "../../oci/work-limits.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { engineUse } from "../engine/engine-use.ts";
import { readVolumes } from "../engine/volume-option.ts";
import type { Machine } from "../machine.ts";
import { directoryIssues } from "../output/check-directory.ts";
import { nameIssues } from "../output/check-names.ts";
import { cacheIssues } from "./check-caches.ts";
import { textIssues } from "./check-texts.ts";
import type { BuildOutput, BuildRequest } from "./request.ts";

/** A request that was read and found possible. */
export interface ResolvedRequest {
  readonly request: BuildRequest;
  readonly names: readonly ImageRef[];
  readonly appDir: string;
  /** The application's directory in the image. */
  readonly workspace: string;
  readonly output: BuildOutput;
  /** `--platform`. */
  readonly platform: Platform | undefined;
  readonly previousImage: ImageRef | undefined;
  /** Seconds since 1970, as `SOURCE_DATE_EPOCH` wants them. */
  readonly sourceDateEpoch: string | undefined;
}

/**
 * Reads the texts of a request and refuses what is wrong, what does not fit together and what
 * tspack can not do, each by the name of its option. Throws `INVALID_REFERENCE`, and
 * `INVALID_ARGUMENTS` with every problem.
 */
export function resolveRequest(request: BuildRequest, machine: Machine, now: Date): ResolvedRequest {
  const names = request.names.map((name, index) => parseReference(name, index === 0 ? "argument" : "--tag"));
  readVolumes(request.volumes ?? [], machine.cwd);
  const issues: InputIssue[] = [...unsupported(request), ...conflicts(request), ...cacheIssues(request, names)];
  issues.push(...textIssues(request), ...resultIssues(request, machine), ...nameIssues(names));
  if (names.length === 0) issues.push(issue("<image>", "the name of the image", ""));
  const previousImage =
    request.previousImage === undefined ? undefined : parseReference(request.previousImage, "--previous-image");
  const resolved = {
    request,
    names,
    appDir: resolve(machine.cwd, request.path ?? "."),
    workspace: readWorkspace(request, issues),
    platform: readPlatform(request, issues),
    output: request.output ?? { kind: "local" },
    previousImage,
    sourceDateEpoch: readCreationTime(request.creationTime, now, issues),
  } as const;
  checkOwner(request, issues);
  if (!isGzipLevel(request.compressionLevel))
    issues.push(issue("--compression-level", "a whole number from 0 to 9", String(request.compressionLevel)));
  if (!isMemory(request.memory))
    issues.push(issue("--memory", `megabytes, at least ${LEAST_MEMORY}`, String(request.memory)));
  checkCompression(request, resolved.output, issues);
  if (resolved.output.kind === "registry") issues.push(...otherRegistry(names, previousImage));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "this build is not possible", issues);
  return resolved;
}

function resultIssues(request: BuildRequest, { cwd }: Machine): readonly InputIssue[] {
  const at = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(cwd, path));
  return [
    ...directoryIssues("--report-output-dir", at(request.reportOutputDir)),
    ...directoryIssues("--sbom-output-dir", at(request.sbomOutputDir)),
  ];
}

function issue(source: string, expected: string, got: string): InputIssue {
  return { source, path: "", expected, got };
}

/** What the runner of this build has no use for: better refused than ignored. */
function unsupported(request: BuildRequest): readonly InputIssue[] {
  const { network = "host", platform, volumes, runner = "auto" } = request;
  const own = `${machinePlatform().os}/${machinePlatform().architecture}`;
  const engine = engineUse(request);
  const inPhases = engine === "phases";
  const forPhases =
    request.dryRun === true
      ? "to be left out: in a dry run only buildpacks run in containers"
      : "to be left out: it is for builds whose phases run in containers (--runner engine, --output engine or registry)";
  const given: readonly (readonly [option: string, isGiven: boolean, expected: string, got: string])[] = [
    ["--lifecycle-image", request.lifecycleImage !== undefined && !inPhases, forPhases, ""],
    ["--docker-host", request.dockerHost !== undefined && !inPhases, forPhases, ""],
    ["--volume", isSome(volumes) && runner === "in-place", "to be left out: in place, mount it into the container", ""],
    [
      "--network",
      network !== "host" && network !== "none" && engine === "none",
      "host or none; other networks are those of an engine (--runner engine)",
      JSON.stringify(network),
    ],
    [
      "--platform",
      platform !== undefined && platform !== own && !inPhases,
      `${own}, this machine's; other platforms need an engine that can run them (--runner engine), and no --dry-run`,
      JSON.stringify(platform),
    ],
  ];
  return given.flatMap(([option, isGiven, expected, got]) => (isGiven ? [issue(option, expected, got)] : []));
}

function readPlatform({ platform }: BuildRequest, issues: InputIssue[]): Platform | undefined {
  if (platform === undefined) return undefined;
  const [, os = "", architecture = "", variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/.exec(platform) ?? [];
  if (os === "") issues.push(issue("--platform", "OS/ARCHITECTURE, such as linux/arm64", JSON.stringify(platform)));
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function isSome(values: readonly unknown[] | undefined): boolean {
  return values !== undefined && values.length > 0;
}

function conflicts({ runner, workspace }: BuildRequest): readonly InputIssue[] {
  const inPlace = "/workspace, where --runner in-place works";
  return [
    ...(runner === "in-place" && workspace !== undefined && posix.join("/", workspace) !== "/workspace"
      ? [issue("--workspace", inPlace, JSON.stringify(workspace))]
      : []),
  ];
}

/** Directories of the build image that something else is in. */
const reserved = ["/cnb", "/layers", "/platform", "/bin", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"];

function readWorkspace({ workspace = "/workspace" }: BuildRequest, issues: InputIssue[]): string {
  const path = posix.join("/", workspace).replace(/\/$/, "");
  const taken = reserved.some((directory) => path === directory || path.startsWith(`${directory}/`));
  if (path === "" || taken || workspace.split("/").includes("..") || /[\0\n:,]/.test(path))
    issues.push(
      issue("--workspace", "a directory that the build image does not need itself", JSON.stringify(workspace)),
    );
  return path;
}

function readCreationTime(given: string | undefined, now: Date, issues: InputIssue[]): string | undefined {
  if (given === undefined) return undefined;
  const seconds = (milliseconds: number): string => String(Math.floor(milliseconds / 1000));
  if (given === "now") return seconds(now.getTime());
  if (/^\d{1,12}$/.test(given)) return given;
  const isDate = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(given);
  if (isDate && !Number.isNaN(Date.parse(given))) return seconds(Date.parse(given));
  const expected = "seconds since 1970, a time such as 2026-01-31T12:00:00Z, or now";
  issues.push(issue("--creation-time", expected, JSON.stringify(given)));
  return undefined;
}

/** The largest user number that Linux has. */
const maxId = 4_294_967_294;

function checkOwner({ uid, gid }: BuildRequest, issues: InputIssue[]): void {
  for (const [option, id] of [
    ["--uid", uid],
    ["--gid", gid],
  ] as const) {
    if (id !== undefined && !(Number.isInteger(id) && id >= 0 && id <= maxId))
      issues.push(issue(option, `a whole number up to ${maxId}`, String(id)));
  }
}

/** Layers are taken over without reading them, which works inside of one registry. */
function otherRegistry(names: readonly ImageRef[], previous: ImageRef | undefined): readonly InputIssue[] {
  const [main] = names;
  if (main === undefined || previous === undefined || previous.registry === main.registry) return [];
  return [issue("--previous-image", `an image of ${main.registry}, as the image is sent there`, previous.original)];
}

/** Throws `TOOL_MISSING` where Node has no zstd. */
function checkCompression(
  { compression, compressionLevel }: BuildRequest,
  output: BuildOutput,
  issues: InputIssue[],
): void {
  if (compression === undefined || compression === "gzip") return;
  if (!isCompression(compression)) {
    issues.push(issue("--compression", "gzip or zstd", JSON.stringify(compression)));
    return;
  }
  if (output.kind === "engine" || output.kind === "docker-archive") {
    issues.push(issue("--compression", `gzip for --output ${output.kind}, which takes no zstd`, compression));
  }
  if (compressionLevel === 0) issues.push(issue("--compression-level", "1 to 9 with --compression zstd", "0"));
  if (issues.length === 0) requireZstd("--compression zstd");
}
