import type { Progress } from "../context.ts";
import type { Write } from "./console.ts";

/** What a progress needs of its surroundings. */
export interface ProgressOptions {
  readonly write: Write;
  /** Draws a bar over the last line; without it there is one plain line per finished step. */
  readonly draw?: ((bar: ProgressState) => void) | undefined;
  readonly now: () => number;
}

/** How far a step is. */
export interface ProgressState {
  readonly label: string;
  readonly unit: "bytes" | "items";
  readonly done: number;
  readonly total?: number | undefined;
  /** Since it began. */
  readonly seconds: number;
  readonly finished: boolean;
  readonly summary?: string | undefined;
}

const redrawEveryMs = 80;
const barWidth = 24;

/** Progress for people: a bar on a terminal, plain lines elsewhere. */
export function consoleProgress(options: ProgressOptions): Progress {
  const { write, draw, now } = options;
  return {
    start: (label, { total: known, unit = "items" } = {}) => {
      const began = now();
      let [done, total, drawn] = [0, known, -redrawEveryMs];
      const state = (): ProgressState => ({
        label,
        unit,
        done,
        total,
        seconds: (now() - began) / 1000,
        finished: false,
      });
      const redraw = (): void => {
        if (draw === undefined || now() - drawn < redrawEveryMs) return;
        drawn = now();
        draw(state());
      };
      redraw();
      return {
        advance: (count) => {
          done += count;
          redraw();
        },
        total: (sum) => {
          total = sum;
          redraw();
        },
        done: (summary) => write(`${progressLine({ ...state(), summary })}\n`),
      };
    },
  };
}

/** The line of a step that has ended. */
export function progressLine({ label, unit, done, seconds, summary }: ProgressState): string {
  return `${label}: ${summary ?? (done > 0 ? amount(done, unit) : "done")} (${seconds.toFixed(1)} s)`;
}

/**
 * What is drawn of a step that goes on: a bar when the total is known, what is done, and the rate of bytes. A
 * line that is wider than the terminal could not be drawn over, so first the bar goes and then the label is cut.
 */
export function progressBar(state: ProgressState, columns = Infinity): string {
  const { label, unit, done, total, seconds } = state;
  const part = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const bar = part === undefined ? "" : ` [${"#".repeat(Math.round(part * barWidth)).padEnd(barWidth, ".")}]`;
  const of = total === undefined ? "" : ` of ${amount(total, unit)}`;
  const rate = unit === "bytes" && seconds >= 0.5 ? `, ${amount(done / seconds, "bytes")}/s` : "";
  const numbers = ` ${amount(done, unit)}${of}${rate}`;
  // The last column stays free: some terminals go to the next line with it.
  const room = columns - 1;
  if (`${label}${bar}${numbers}`.length <= room) return `${label}${bar}${numbers}`;
  if (`${label}${numbers}`.length <= room) return `${label}${numbers}`;
  const short = label.slice(0, Math.max(0, room - numbers.length - 1));
  return `${short === "" ? "" : `${short}…`}${numbers}`.slice(0, Math.max(1, room));
}

function amount(value: number, unit: "bytes" | "items"): string {
  return unit === "bytes" ? formatBytes(value) : String(Math.round(value));
}

/** Bytes as people read them: `512 B`, `1.4 MB` (powers of ten). */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let index = 0;
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  return `${index === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}
