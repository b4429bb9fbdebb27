import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import type { Place } from "../../layers/place.ts";
import { decodeGroup, elementName } from "../../cnb/files/group.ts";
import { TspackError } from "../../errors.ts";
import { parseToml } from "../../toml.ts";
import type { BuilderAddition } from "../buildpacks/additions.ts";
import { withDetectRefusals } from "../detect-refusals.ts";
import type { BuildPhase } from "../events.ts";
import { refuseTraps } from "../build/untrusted.ts";
import { removeTree } from "../rootfs.ts";
import { downloadTree, type UploadedFile } from "./archives.ts";
import { containerPaths, type ContainerPhase, type PhasePlan } from "./phase-containers.ts";
import { type PhaseContents, runPhase } from "./run-phase.ts";
import type { EngineSession } from "./session.ts";

/** What a build in containers works on besides the plan. */
export interface EngineBuildInputs {
  readonly plan: PhasePlan;
  /** One container for all phases. Only for builders that may see credentials. */
  readonly useCreator: boolean;
  /** A copy of the application, which is uploaded as it is. */
  readonly app: string;
  /** What stands in the builder for this build only. */
  readonly additions: readonly BuilderAddition[];
  /** The `<platform>` directory. */
  readonly platform: Place;
  /** Text of `run.toml` and `stack.toml` by name, for phases that do not run in the builder. */
  readonly descriptions: Readonly<Record<string, string>>;
  /** Certificates in PEM that this machine trusts. */
  readonly certificates: string | undefined;
  /** `project-metadata.toml`. */
  readonly projectMetadata: string | undefined;
  /** A private directory of the build; `report.toml`, `group.toml` and `sbom/` are put there. */
  readonly results: string;
}

/** What a build in containers works with. */
export interface EngineBuildPorts {
  readonly session: EngineSession;
  /** Runs a phase between its events. */
  readonly time: <T>(phase: BuildPhase, work: () => Promise<T>) => Promise<T>;
  readonly output: (line: string, stream: "stdout" | "stderr") => void;
  readonly ctx: Context;
}

/** Files that the phases left in `<layers>`; undefined for what was not made. */
export interface EngineBuildResults {
  readonly report: Uint8Array | undefined;
  readonly group: Uint8Array | undefined;
}

/**
 * Runs the phases in containers: each in one of its own, or all in the creator. Platform
 * specification, "Operations". Throws the code of the phase that failed, `ENGINE_ERROR`, `CANCELED`.
 */
export async function engineBuild(inputs: EngineBuildInputs, ports: EngineBuildPorts): Promise<EngineBuildResults> {
  const last = inputs.useCreator ? await create(inputs, ports) : await phaseByPhase(inputs, ports);
  return collectResults(last, inputs.results, ports);
}

async function create(inputs: EngineBuildInputs, ports: EngineBuildPorts): Promise<string> {
  const { app, additions, platform } = inputs;
  const files = [...trustedFiles(inputs), ...projectFiles(inputs)];
  return run("creator", { app, additions, directories: [platform], files }, inputs, ports);
}

async function phaseByPhase(inputs: EngineBuildInputs, ports: EngineBuildPorts): Promise<string> {
  const { app, additions, platform } = inputs;
  const { time, session } = ports;
  const step = async (phase: ContainerPhase, contents: PhaseContents): Promise<void> =>
    session.removeContainer(await run(phase, contents, inputs, ports));
  const ofBuildpacks = { additions, directories: [platform] };
  const files = trustedFiles(inputs);
  await time("analyze", () => step("analyzer", { files }));
  await time("detect", async () => {
    const container = await run("detector", { app, ...ofBuildpacks }, inputs, ports);
    await requireNoExtensions(container, inputs, ports);
    await session.removeContainer(container);
  });
  await time("restore", () => step("restorer", { files }));
  await time("build", () => step("builder", ofBuildpacks));
  return time("export", () => run("exporter", { files: [...files, ...projectFiles(inputs)] }, inputs, ports));
}

/**
 * Without the images that extensions would change, the application would be built and run on the
 * wrong ones, and nothing extends images in containers. Throws `EXTENSIONS_UNSUPPORTED`.
 */
async function requireNoExtensions(container: string, { results }: EngineBuildInputs, ports: EngineBuildPorts) {
  const { group = new Uint8Array() } = await collectResults(container, results, ports);
  const { groupExtensions } = decodeGroup(parseToml(group, "group.toml"));
  if (groupExtensions.length === 0) return;
  const names = groupExtensions.map(elementName).join(", ");
  const message = `the group has image extensions, which are not run in containers of an engine: ${names}`;
  throw new TspackError("EXTENSIONS_UNSUPPORTED", message, {
    hint: "use a builder without extensions, and leave --extension out",
  });
}

function run(
  phase: ContainerPhase,
  contents: PhaseContents,
  { plan }: EngineBuildInputs,
  { session, output: show, ctx }: EngineBuildPorts,
): Promise<string> {
  return withDetectRefusals({ output: show }, ({ output }) =>
    runPhase(phase, plan, contents, session, { output, signal: ctx.signal }),
  );
}

/** What phases outside of the builder's image need of it, and what reaching registries takes. */
function trustedFiles({ descriptions, certificates }: EngineBuildInputs): readonly UploadedFile[] {
  const files = Object.entries(descriptions).map(([name, content]) => ({ target: `/cnb/${name}`, content }));
  if (certificates === undefined) return files;
  return [...files, { target: containerPaths.certificates, content: certificates }];
}

function projectFiles({ projectMetadata }: EngineBuildInputs): readonly UploadedFile[] {
  if (projectMetadata === undefined) return [];
  return [{ target: `${containerPaths.layers}/project-metadata.toml`, content: projectMetadata }];
}

async function collectResults(
  container: string,
  directory: string,
  { session, ctx }: EngineBuildPorts,
): Promise<EngineBuildResults> {
  await removeTree(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of ["report.toml", "group.toml", "sbom"])
    await downloadTree(session.engine, container, `${containerPaths.layers}/${name}`, directory, ctx.signal);
  // Buildpacks could have made links of them, which would lead us to files of this machine.
  await refuseTraps(directory);
  const read = (name: string): Uint8Array | undefined => {
    const path = join(directory, name);
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  return { report: read("report.toml"), group: read("group.toml") };
}
