import type { ErrorCode } from "../../errors.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { BuilderAddition } from "../buildpacks/additions.ts";
import { phaseFailure } from "../phase-failure.ts";
import { LineSplitter } from "../runners/runner.ts";
import { type UploadedFile, uploadFiles, uploadTree } from "./archives.ts";
import { runContainer } from "./containers.ts";
import { type ContainerPhase, phaseContainer, type PhasePlan } from "./phase-containers.ts";
import type { EngineSession } from "./session.ts";

/** What a phase finds in its container. */
export interface PhaseContents {
  /** The application's directory here, for the first phase that runs buildpacks. */
  readonly app?: string | undefined;
  /** Directories as they are here, each with its name in the container: the `<platform>` directory, buildpacks. */
  /** What stands in the builder for this build only. */
  readonly additions?: readonly BuilderAddition[] | undefined;
  readonly directories?: readonly Place[] | undefined;
  readonly files?: readonly UploadedFile[] | undefined;
}

/** Who hears of a phase. */
export interface PhaseListener {
  readonly output: (line: string, stream: "stdout" | "stderr") => void;
  readonly signal: AbortSignal;
}

const root: Owner = { uid: 0, gid: 0 };

/**
 * Runs a phase in a container of its own and returns the container, which still is there, so that
 * files can be taken out of it. Throws the code that its exit status stands for, `CANCELED`.
 */
export async function runPhase(
  phase: ContainerPhase,
  plan: PhasePlan,
  contents: PhaseContents,
  session: EngineSession,
  { output, signal }: PhaseListener,
): Promise<string> {
  const { engine } = session;
  const id = await session.container(phase, phaseContainer(phase, plan));
  const { app, additions = [], directories = [], files = [] } = contents;
  if (app !== undefined) {
    await uploadTree(engine, id, { source: app, target: plan.appDir, owner: plan.user }, signal);
  }
  const trees = [...directories.map(({ path, name }) => ({ source: path, target: name })), ...additions];
  for (const tree of trees) await uploadTree(engine, id, { ...tree, owner: root }, signal);
  await uploadFiles(engine, id, files, signal);
  const lines = {
    stdout: new LineSplitter((line) => output(line, "stdout")),
    stderr: new LineSplitter((line) => output(line, "stderr")),
  };
  const status = await runContainer(engine, id, (stream, bytes) => lines[stream].push(bytes), signal);
  lines.stdout.end();
  lines.stderr.end();
  checkStatus(phase, status);
  return id;
}

/** Of each phase, when its exit status says no more. Platform specification, "Exit codes". */
const generic: Readonly<Record<ContainerPhase, ErrorCode>> = {
  analyzer: "ANALYZE_FAILED",
  detector: "DETECT_ERROR",
  restorer: "RESTORE_FAILED",
  builder: "BUILD_FAILED",
  exporter: "EXPORT_FAILED",
  creator: "BUILD_FAILED",
};

/** The tens of an exit status say which phase of the creator failed. */
const tens: Readonly<Record<number, ErrorCode>> = {
  2: "DETECT_ERROR",
  3: "ANALYZE_FAILED",
  4: "RESTORE_FAILED",
  5: "BUILD_FAILED",
  6: "EXPORT_FAILED",
};

/** Throws what the exit status of a phase's container means; returns for 0. */
export function checkStatus(phase: ContainerPhase, status: number): void {
  if (status === 0) return;
  const code = (phase === "creator" ? tens[Math.floor(status / 10)] : undefined) ?? generic[phase];
  const killed = "something killed it: the machine of the engine may have too little memory";
  throw phaseFailure(status, { code, message: `the ${phase} failed`, hint: status === 137 ? killed : undefined });
}
