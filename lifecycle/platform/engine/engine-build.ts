import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import type { Place } from "../../layers/place.ts";
import type { BuildPhase } from "../events.ts";
import { downloadTree } from "./archives.ts";
import { containerPaths, type ContainerPhase, type PhasePlan } from "./phase-containers.ts";
import { type PhaseContents, runPhase } from "./run-phase.ts";
import type { EngineSession } from "./session.ts";

/** What a build in containers works on besides the plan. */
export interface EngineBuildInputs {
  readonly plan: PhasePlan;
  /** One container for all phases. Only for builders that may see credentials. */
  readonly useCreator: boolean;
  readonly app: NonNullable<PhaseContents["app"]>;
  /** The `<platform>` directory. */
  readonly platform: Place;
  /** Text of `run.toml` and `stack.toml` by name, for phases that do not run in the builder. */
  readonly descriptions: Readonly<Record<string, string>>;
  /** `project-metadata.toml`. */
  readonly projectMetadata: string | undefined;
  /** An empty private directory; the files that the phases leave are put there. */
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

/** Files that the phases left in `<layers>`; bytes, or undefined for what was not made. */
export interface EngineBuildResults {
  readonly report: Uint8Array | undefined;
  readonly group: Uint8Array | undefined;
  /** The directory with all bills of materials, when there is one. */
  readonly sbomDir: string;
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
  const { app, platform } = inputs;
  const contents = { app, directories: [platform], files: [...describe(inputs), ...projectFiles(inputs)] };
  // The creator is all phases; its own output says where one begins.
  return ports.time("build", () => run("creator", contents, inputs, ports));
}

async function phaseByPhase(inputs: EngineBuildInputs, ports: EngineBuildPorts): Promise<string> {
  const { app, platform } = inputs;
  const { time, session } = ports;
  const step = async (phase: ContainerPhase, contents: PhaseContents): Promise<void> =>
    session.removeContainer(await run(phase, contents, inputs, ports));
  const platformOnly = { directories: [platform] };
  await time("analyze", () => step("analyzer", { files: describe(inputs) }));
  await time("detect", () => step("detector", { app, ...platformOnly, files: describe(inputs) }));
  await time("restore", () => step("restorer", { files: describe(inputs) }));
  await time("build", () => step("builder", platformOnly));
  const files = [...describe(inputs), ...projectFiles(inputs)];
  return time("export", () => run("exporter", { files }, inputs, ports));
}

function run(
  phase: ContainerPhase,
  contents: PhaseContents,
  { plan }: EngineBuildInputs,
  { session, output, ctx }: EngineBuildPorts,
): Promise<string> {
  return runPhase(phase, plan, contents, session, { output, signal: ctx.signal });
}

function describe({ descriptions }: EngineBuildInputs): NonNullable<PhaseContents["files"]> {
  return Object.entries(descriptions).map(([name, content]) => ({ target: `/cnb/${name}`, content }));
}

function projectFiles({ projectMetadata }: EngineBuildInputs): NonNullable<PhaseContents["files"]> {
  if (projectMetadata === undefined) return [];
  return [{ target: `${containerPaths.layers}/project-metadata.toml`, content: projectMetadata }];
}

async function collectResults(
  container: string,
  directory: string,
  { session, ctx }: EngineBuildPorts,
): Promise<EngineBuildResults> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const take = (name: string): Promise<boolean> =>
    downloadTree(session.engine, container, `${containerPaths.layers}/${name}`, directory, ctx.signal);
  const read = async (name: string): Promise<Uint8Array | undefined> =>
    (await take(name)) ? readFileSync(join(directory, name)) : undefined;
  const results = { report: await read("report.toml"), group: await read("group.toml") };
  await take("sbom");
  return { ...results, sbomDir: join(directory, "sbom") };
}
