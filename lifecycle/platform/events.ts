import type { InputIssue } from "../errors.ts";
import type { LogLevel } from "../logger.ts";
import type { ExportPlan } from "../phases/export.ts";
import type { BuildSummary, LayerSummary } from "./build/summary.ts";

/** The phases of a build, as the specification names them. */
export type BuildPhase = "analyze" | "detect" | "restore" | "extend" | "build" | "export";

/** What happens in a build, in order. Each kind is described in README.md of this folder. */
export type BuildEventBody =
  | {
      readonly type: "started";
      readonly image: string;
      readonly names: readonly string[];
      /** Version of tspack. */
      readonly version: string;
    }
  | { readonly type: "phase-started"; readonly phase: BuildPhase }
  | { readonly type: "phase-finished"; readonly phase: BuildPhase; readonly seconds: number }
  | {
      readonly type: "output";
      /** Undefined for what is said before the first and after the last phase. */
      readonly phase?: BuildPhase | undefined;
      /** `stdout` and `stderr` are those of the phase's own process; `log` is what tspack says. */
      readonly stream: "stdout" | "stderr" | "log";
      readonly level: LogLevel;
      /** Without its newline; colours of buildpacks are left in. */
      readonly line: string;
    }
  | { readonly type: "warning"; readonly phase?: BuildPhase | undefined; readonly message: string }
  | {
      readonly type: "progress";
      /** Which step: several may run at a time. */
      readonly step: number;
      readonly label: string;
      readonly unit: "bytes" | "items";
      readonly done: number;
      /** Undefined while nobody knows. */
      readonly total?: number | undefined;
      /** Of this step so far. */
      readonly seconds: number;
      readonly finished: boolean;
      /** What the step came to, in words; only when it is finished. */
      readonly summary?: string | undefined;
    }
  | { readonly type: "planned"; readonly plan: ExportPlan }
  | ({ readonly type: "layer" } & LayerSummary)
  | ({ readonly type: "finished" } & BuildSummary)
  | {
      readonly type: "failed";
      /** `errors.ts` has all codes; `INTERNAL` is a bug of tspack. */
      readonly code: string;
      readonly message: string;
      /** Every single problem of an input. */
      readonly issues: readonly InputIssue[];
      /** What led to it, outermost first. */
      readonly causes: readonly string[];
      readonly hint?: string | undefined;
    };

/** An event with its time, RFC 3339 in UTC with milliseconds. */
export type BuildEvent = { readonly time: string } & BuildEventBody;

/** Takes the events of one build; it is called in order and must not throw. */
export type OnEvent = (event: BuildEvent) => void;
