import type { Context } from "../../context.ts";
import type { Place } from "../../layers/place.ts";
import type { Builder } from "../builder/builder.ts";
import type { BuilderAddition } from "../buildpacks/additions.ts";
import { phaseFailure } from "../phase-failure.ts";

/** The phases that run buildpacks, which are code that we do not trust. */
export type UntrustedPhase = "detect" | "build";

/** A directory or file of this machine that appears in front of buildpacks. */
export interface RunnerVolume {
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
}

/** What an untrusted phase works on. */
export interface RunnerJob {
  readonly builder: Builder;
  /** What stands in the builder for this build only: buildpacks, an order. */
  readonly additions: readonly BuilderAddition[];
  readonly app: Place;
  readonly layers: Place;
  /** The `<platform>` directory: on this machine, and as the phase sees it. */
  readonly platform: Place;
  /** Directories and files of the person that buildpacks see. */
  readonly volumes: readonly RunnerVolume[];
  /** False: buildpacks have no network. */
  readonly network: boolean;
  /** Variables of the phase beside those of the builder: proxies and the like, never credentials. */
  readonly env: Readonly<Record<string, string>>;
  readonly verbose: boolean;
  /** Takes each line that the phase writes. */
  readonly output: (line: string, stream: "stdout" | "stderr") => void;
}

/** Directories of a build on this machine. */
export interface RunnerDirectories {
  readonly app: string;
  readonly layers: string;
  /** The `<platform>` directory, which is removed afterwards: where it is written, and as the phases see it. */
  readonly platform: Place;
  /** They are the container's own: they have to be empty before, and stay afterwards. */
  readonly keep: boolean;
}

/** Runs the builder's own lifecycle where buildpacks can do no harm. DESIGN §7. */
export interface Runner {
  /** How the summary calls it: `sandbox (bubblewrap)`. */
  readonly name: string;
  /** Where the application and the layers are while it runs, given the build's private directory. */
  directories(work: string): RunnerDirectories;
  /** Throws `DETECT_FAILED`, `DETECT_ERROR`, `BUILDPACK_FAILED`, `BUILD_FAILED`, `SANDBOX_FAILED`, `CANCELED`. */
  run(phase: UntrustedPhase, job: RunnerJob, ctx: Context): Promise<void>;
}

/** The lifecycle's program of each phase. */
export const phasePrograms: Readonly<Record<UntrustedPhase, string>> = {
  detect: "/cnb/lifecycle/detector",
  build: "/cnb/lifecycle/builder",
};

/** The environment that a phase is started with: the builder's, the platform's API, nothing of ours. */
export function phaseEnvironment(job: RunnerJob, home: string): Readonly<Record<string, string>> {
  const { builder } = job;
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...builder.env,
    ...job.env,
    HOME: home,
    CNB_PLATFORM_API: builder.platformApi,
    CNB_USER_ID: String(builder.user.uid),
    CNB_GROUP_ID: String(builder.user.gid),
    CNB_NO_COLOR: "true",
    ...(job.verbose ? { CNB_LOG_LEVEL: "debug" } : {}),
  };
}

/** Throws what the exit code of a phase means; returns for 0. */
export function checkPhaseExit(phase: UntrustedPhase, code: number): void {
  if (code === 0) return;
  const generic = phase === "detect" ? "DETECT_ERROR" : "BUILD_FAILED";
  throw phaseFailure(code, { code: generic, message: `the ${phase} phase failed` });
}

/** Cuts both streams of a phase into lines. */
export function phaseOutput({ output }: RunnerJob): {
  readonly push: (bytes: Uint8Array, stream: "stdout" | "stderr") => void;
  readonly end: () => void;
} {
  const stdout = new LineSplitter((line) => output(line, "stdout"));
  const stderr = new LineSplitter((line) => output(line, "stderr"));
  const splitters = { stdout, stderr };
  return {
    push: (bytes, stream) => splitters[stream].push(bytes),
    end: () => {
      stdout.end();
      stderr.end();
    },
  };
}

/** Cuts a stream of bytes into lines. */
export class LineSplitter {
  private readonly emit: (line: string) => void;
  private readonly decoder = new TextDecoder();
  private rest = "";

  constructor(emit: (line: string) => void) {
    this.emit = emit;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.rest = lines.pop() ?? "";
    // A line without end must not fill the memory.
    if (this.rest.length > 65_536) lines.push(this.rest.slice(0, 65_536));
    if (this.rest.length > 65_536) this.rest = this.rest.slice(65_536);
    for (const line of lines) this.emit(line);
  }

  /** Hands out a last line that has no newline. */
  end(): void {
    if (this.rest !== "") this.emit(this.rest);
    this.rest = "";
  }
}
