import type { BuildEvent, BuildPhase, OnEvent } from "../platform/events.ts";
import { palette, printable, type Write } from "./console.ts";
import { barScreen } from "./bar-screen.ts";
import { type ProgressState, progressLine } from "./progress.ts";

/** How events become text. */
export interface EventPrinterOptions {
  readonly write: Write;
  /** Bars that are drawn over instead of a line per step. */
  readonly terminal: boolean;
  /** How wide the terminal is now, as far as that is known. */
  readonly columns?: (() => number | undefined) | undefined;
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

/** Prints the events of a build for people, in the form that they know from other platforms. */
export function eventPrinter(options: EventPrinterOptions): OnEvent {
  const { terminal, quiet, columns = () => undefined } = options;
  const { phase: paintPhase, warn, error, dim } = palette(options.color);
  const screen = barScreen(options.write, columns);
  const line = (event: BuildEvent, text: string): void => {
    const time = options.timestamps ? `${event.time} ` : "";
    screen.write(`${time}${text}\n`);
  };
  const prefix = (phase: BuildPhase | undefined): string =>
    phase === undefined || options.prefixes === false ? "" : `${dim(`[${phaseWords[phase][1]}]`)} `;
  const progress = (event: BuildEvent & ProgressState): void => {
    if (event.finished) return line(event, progressLine(event));
    if (terminal) screen.draw(event);
  };
  return (event) => {
    if (quiet && !(event.type === "output" && event.level === "error")) return;
    if (event.type === "phase-started") line(event, paintPhase(`===> ${phaseWords[event.phase][0]}`));
    else if (event.type === "output")
      line(event, `${prefix(event.phase)}${event.level === "error" ? error("ERROR: ") : ""}${event.line}`);
    else if (event.type === "warning")
      line(event, `${prefix(event.phase)}${warn("Warning: ")}${printable(event.message)}`);
    else if (event.type === "progress") progress(event);
    else if (event.type === "failed") screen.clear();
  };
}
