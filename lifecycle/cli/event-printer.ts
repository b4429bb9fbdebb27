import type { BuildEvent, BuildPhase, OnEvent } from "../platform/events.ts";
import { palette, printable, type Write } from "./console.ts";
import { type ProgressState, progressBar, progressLine } from "./progress.ts";

/** How events become text. */
export interface EventPrinterOptions {
  readonly write: Write;
  /** Bars that are drawn over instead of a line per step. */
  readonly terminal: boolean;
  readonly color: boolean;
  /** Errors only. */
  readonly quiet: boolean;
  /** False: lines of phases do not begin with the phase's program. */
  readonly prefixes?: boolean;
  /** Each line begins with its time. */
  readonly timestamps: boolean;
}

/** How users know the phases: what is announced, and what their lines begin with. */
const phaseWords: Readonly<Record<BuildPhase, readonly [announcement: string, program: string]>> = {
  analyze: ["ANALYZING", "analyzer"],
  detect: ["DETECTING", "detector"],
  restore: ["RESTORING", "restorer"],
  extend: ["EXTENDING", "extender"],
  build: ["BUILDING", "builder"],
  export: ["EXPORTING", "exporter"],
};

const eraseLine = "\r\u001B[K";

/** Prints the events of a build for people, in the form that they know from other platforms. */
export function eventPrinter(options: EventPrinterOptions): OnEvent {
  const { write, terminal, quiet } = options;
  const { phase: paintPhase, warn, error, dim } = palette(options.color);
  let barShown = false;
  const line = (event: BuildEvent, text: string): void => {
    const time = options.timestamps ? `${event.time} ` : "";
    write(`${barShown ? eraseLine : ""}${time}${text}\n`);
    barShown = false;
  };
  const prefix = (phase: BuildPhase | undefined): string =>
    phase === undefined || options.prefixes === false ? "" : `${dim(`[${phaseWords[phase][1]}]`)} `;
  const progress = (event: BuildEvent & ProgressState): void => {
    if (event.finished) return line(event, progressLine(event));
    if (!terminal) return;
    write(`${eraseLine}${progressBar(event)}`);
    barShown = true;
  };
  return (event) => {
    if (quiet && !(event.type === "output" && event.level === "error")) return;
    if (event.type === "phase-started") line(event, paintPhase(`===> ${phaseWords[event.phase][0]}`));
    else if (event.type === "output")
      line(event, `${prefix(event.phase)}${event.level === "error" ? error("ERROR: ") : ""}${event.line}`);
    else if (event.type === "warning")
      line(event, `${prefix(event.phase)}${warn("Warning: ")}${printable(event.message)}`);
    else if (event.type === "progress") progress(event);
    else if (event.type === "failed" && barShown) write(eraseLine);
  };
}
