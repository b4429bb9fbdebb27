import { dirname, resolve } from "node:path";
import type { ProjectMetadata, ProjectSource } from "../../cnb/files/project-metadata.ts";
import { openProject, type Project } from "../project/open-project.ts";
import { chosenBuilder } from "../settings/apply-settings.ts";
import { gitWorkingTree } from "../source/git-working-tree.ts";
import { openApplication, type OpenedApplication } from "../source/open-application.ts";
import type { Tools } from "../tools.ts";
import type { ApplicationInputs } from "./bring-application.ts";
import type { ResolvedRequest } from "./resolve-request.ts";

/** A request whose application is a directory, and whose project descriptor was read. */
export interface SourcedRequest extends ResolvedRequest {
  /** With what the descriptor says where the request says nothing: builder and variables. */
  readonly request: ResolvedRequest["request"];
  readonly application: ApplicationInputs;
  /** Buildpacks of the descriptor. */
  readonly described: Pick<Project, "buildpacks" | "pre" | "post">;
  /** Where the source comes from, for the image's label. */
  readonly project: ProjectMetadata | undefined;
}

/**
 * Opens the application of a request and reads its project descriptor for `work`; what was
 * unpacked or fetched goes away afterwards. Throws what `openApplication` and `openProject` throw.
 */
export async function withSource<T>(
  resolved: ResolvedRequest,
  tools: Tools,
  work: (sourced: SourcedRequest) => Promise<T>,
): Promise<T> {
  const { request } = resolved;
  const { machine, ctx, places } = tools;
  const { cwd, env } = machine;
  const opened = await openApplication(request.path ?? ".", {
    cwd,
    env,
    // Asking for it makes the process wait for its end.
    stdin: request.path === "-" ? machine.stdin : undefined,
    scratch: places.builds,
    ctx,
  });
  try {
    const project = await openProject({
      directory: opened.directory,
      descriptor: request.descriptor,
      cwd,
      execEnv: request.execEnv ?? "production",
      foreign: opened.unpacked,
      logger: ctx.logger,
    });
    const { buildpacks, pre, post, include, selects } = project;
    const source = project.source ?? opened.source ?? workingTree(opened, tools);
    return await work({
      ...resolved,
      request: {
        ...request,
        ...chosenBuilder(request, project.builder, tools.settings, opened.unpacked && request.descriptor === undefined),
        env: { ...project.env, ...request.env },
      },
      appDir: opened.directory,
      application: { appDir: opened.directory, include, selects, withheld: ownPaths(resolved, tools) },
      described: { buildpacks, pre, post },
      project: source === undefined ? undefined : { source },
    });
  } finally {
    await opened.close();
  }
}

/**
 * The commit of a directory is in the label only for those who want it, as with pack: an image that did not
 * change would get another digest with every commit.
 */
function workingTree({ directory, unpacked }: OpenedApplication, { settings }: Tools): ProjectSource | undefined {
  return settings.experimental && !unpacked ? gitWorkingTree(directory) : undefined;
}

/** What tspack keeps and writes: it would grow into the image, or into itself. */
function ownPaths({ request, output }: ResolvedRequest, { machine, places }: Tools): readonly string[] {
  const { env, cwd } = machine;
  const home = env["TSPACK_HOME"];
  return [
    ...(home === undefined || home === "" ? [] : [home]),
    ...[places.images, places.blobs, places.config].map((path) => dirname(path)),
    ...("path" in output ? [resolve(cwd, output.path)] : []),
    ...(request.caches ?? []).flatMap(({ format, source }) => (format === "bind" ? [resolve(cwd, source)] : [])),
  ];
}
