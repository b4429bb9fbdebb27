import type { Progress } from "../context.ts";
import type { Write } from "./console.ts";

/** What a progress needs of its surroundings. */
export interface ProgressOptions {
  readonly write: Write;
  /** Draw a bar over the last line; otherwise one plain line per finished step. */
  readonly terminal: boolean;
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
  const { write, terminal, now } = options;
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
        if (!terminal || now() - drawn < redrawEveryMs) return;
        drawn = now();
        write(`\r\u001B[K${progressBar(state())}`);
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
        done: (summary) => write(`${terminal ? "\r\u001B[K" : ""}${progressLine({ ...state(), summary })}\n`),
      };
    },
  };
}

/** The line of a step that has ended. */
export function progressLine({ label, unit, done, seconds, summary }: ProgressState): string {
  return `${label}: ${summary ?? (done > 0 ? amount(done, unit) : "done")} (${seconds.toFixed(1)} s)`;
}

/** What is drawn of a step that goes on: a bar when the total is known, what is done, and the rate of bytes. */
export function progressBar({ label, unit, done, total, seconds }: ProgressState): string {
  const part = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const bar = part === undefined ? "" : ` [${"#".repeat(Math.round(part * barWidth)).padEnd(barWidth, ".")}]`;
  const of = total === undefined ? "" : ` of ${amount(total, unit)}`;
  const rate = unit === "bytes" && seconds >= 0.5 ? `, ${amount(done / seconds, "bytes")}/s` : "";
  return `${label}${bar} ${amount(done, unit)}${of}${rate}`;
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
