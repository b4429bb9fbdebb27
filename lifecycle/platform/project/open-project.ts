import { lstat, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { ProjectSource } from "../../cnb/files/project-metadata.ts";
import { decodeProjectToml, type ProjectBuildpack, type ProjectToml } from "../../cnb/files/project-toml.ts";
import { errorCode, InputError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { parseToml, type TomlDocument } from "../../toml.ts";
import type { IncludePath } from "../build/application.ts";
import type { BuildpackRequest, BuildpackRequests } from "../buildpacks/request.ts";
import { deadPattern, selectPaths } from "./select-paths.ts";
import { confinePaths } from "./confine-paths.ts";

/** Where a project descriptor is looked for. */
export interface OpenProjectOptions {
  /** The application's directory, its real path. */
  readonly directory: string;
  /** `--descriptor`, relative to `cwd`; undefined: `project.toml` of the application, when there is one. */
  readonly descriptor?: string | undefined;
  readonly cwd: string;
  /** What variables and buildpacks with `exec-env` are compared with. */
  readonly execEnv: string;
  /** The application is not this person's own directory: what it names on this machine has to be in it. */
  readonly foreign: boolean;
  readonly logger: Logger;
}

/** What a project descriptor says about a build; all of it gives way to options of the command line. */
export interface Project {
  /** The file; undefined: there is none, and everything else is empty. */
  readonly path: string | undefined;
  readonly include: IncludePath;
  /** Whether `include` or `exclude` leave out anything. */
  readonly selects: boolean;
  readonly builder: string | undefined;
  readonly buildpacks: BuildpackRequests;
  readonly pre: BuildpackRequests;
  readonly post: BuildpackRequests;
  readonly env: Readonly<Record<string, string>>;
  /** What it declares about the source, for the label of the image. */
  readonly source: ProjectSource | undefined;
}

/**
 * Reads the project descriptor of an application; warns of what has no effect in it. Throws
 * `INVALID_PROJECT` and `INVALID_TOML` with file and line, `FILE_NOT_FOUND` for one that was
 * asked for, `INVALID_ARGUMENTS` for one that can not be read.
 */
export async function openProject(options: OpenProjectOptions): Promise<Project> {
  const document = await readDescriptor(options);
  if (document === undefined) return noProject(options.directory);
  const { project, warnings } = decodeProjectToml(document);
  for (const { place, text } of warnings) options.logger.warn(`${place}: ${text}`);
  for (const pattern of [...(project.include ?? []), ...(project.exclude ?? [])]) {
    const dead = deadPattern(pattern);
    if (dead !== undefined) options.logger.warn(`${document.source}: ${dead}`);
  }
  // A file that the person named is the person's own, wherever the application comes from.
  const within = options.foreign && options.descriptor === undefined ? options.directory : undefined;
  if (within !== undefined) await confinePaths(project, document, within);
  return projectOf(project, document.source, { execEnv: options.execEnv, within });
}

async function projectOf(
  project: ProjectToml,
  path: string,
  { execEnv, within }: { readonly execEnv: string; readonly within: string | undefined },
): Promise<Project> {
  const baseDir = dirname(path);
  const isFor = (wanted: readonly string[]): boolean =>
    wanted.length === 0 || wanted.includes("*") || wanted.includes(execEnv);
  const requests = (group: readonly ProjectBuildpack[]): BuildpackRequests => ({
    requests: group.filter((entry) => isFor(entry.execEnv)).map(requestOf),
    baseDir,
    ...(within === undefined ? {} : { within }),
  });
  return {
    path,
    include: await selectPaths(project),
    selects: project.include !== undefined || project.exclude !== undefined,
    builder: project.builder === "" ? undefined : builderFrom(project.builder, baseDir),
    buildpacks: requests(project.group),
    pre: requests(project.pre),
    post: requests(project.post),
    env: Object.fromEntries(
      project.env.filter((variable) => isFor(variable.execEnv)).map(({ name, value }) => [name, value]),
    ),
    source: declaredSource(project),
  };
}

/** Files are relative to the descriptor, as with buildpacks; images are named as they are. */
function builderFrom(builder: string | undefined, baseDir: string): string | undefined {
  if (builder?.startsWith("oci:") === true) return `oci:${resolve(baseDir, builder.slice("oci:".length))}`;
  return builder?.endsWith(".toml") === true ? resolve(baseDir, builder) : builder;
}

function requestOf({ id, version, uri, script }: ProjectBuildpack): BuildpackRequest {
  if (uri !== undefined) return { kind: "uri", uri };
  if (id === undefined) throw new Error("a buildpack of a project descriptor has an id or a uri");
  if (script === undefined) return { kind: "id", id, version };
  const { api, inline, shell } = script;
  return { kind: "inline", id, version: version ?? "0.0.0", api, script: inline, shell };
}

/** In the form that platforms give it in the label `io.buildpacks.project.metadata`. */
function declaredSource({ version, sourceUrl }: ProjectToml): ProjectSource | undefined {
  if ((version ?? "") === "" && (sourceUrl ?? "") === "") return undefined;
  return { type: "project", version: { declared: version ?? "" }, metadata: { url: sourceUrl ?? "" } };
}

function noProject(directory: string): Project {
  const nothing: BuildpackRequests = { requests: [], baseDir: directory };
  return {
    path: undefined,
    include: () => true,
    selects: false,
    builder: undefined,
    buildpacks: nothing,
    pre: nothing,
    post: nothing,
    env: {},
    source: undefined,
  };
}

async function readDescriptor({ directory, descriptor, cwd }: OpenProjectOptions): Promise<TomlDocument | undefined> {
  const given = descriptor !== undefined;
  const path = given ? resolve(cwd, descriptor) : join(directory, "project.toml");
  try {
    const real = await realpath(path);
    // A link to a file of this machine would show that file in an error message.
    if (!given && !real.startsWith(`${directory}/`)) throw notReadable(path, given, "a link out of the application");
    const info = await stat(real);
    if (!info.isFile()) throw notReadable(path, given, "something else");
    return parseToml(await readFile(real), path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" && !given && !(await isLink(path))) return undefined;
    if (error instanceof InputError) throw error;
    throw notReadable(path, given, errorCode(error) ?? String(error), error);
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

function notReadable(path: string, given: boolean, got: string, cause?: unknown): InputError {
  const source = given ? "--descriptor" : "project.toml";
  const issue = { source, path: "", expected: "a file that can be read", got };
  const code = got === "ENOENT" ? "FILE_NOT_FOUND" : "INVALID_ARGUMENTS";
  return new InputError(code, `the project descriptor ${path} can not be used`, [issue], {
    cause,
    hint: "make it a readable file of the application, or name another one with --descriptor",
  });
}
