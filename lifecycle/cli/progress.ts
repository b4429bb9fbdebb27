import type { Progress, ProgressStep } from "../context.ts";
import type { Write } from "./console.ts";

/** What a progress needs of its surroundings. */
export interface ProgressOptions {
  readonly write: Write;
  /** Draw a bar over the last line; otherwise one plain line per finished step. */
  readonly terminal: boolean;
  readonly now: () => number;
}

interface StepState {
  readonly label: string;
  readonly unit: "bytes" | "items";
  readonly began: number;
  total: number | undefined;
  done: number;
  drawn: number;
}

const redrawEveryMs = 80;
const barWidth = 24;

/** Progress for people: a bar on a terminal, plain lines elsewhere. */
export function consoleProgress(options: ProgressOptions): Progress {
  return {
    start: (label, { total, unit = "items" } = {}) => {
      const state: StepState = { label, unit, began: options.now(), total, done: 0, drawn: 0 };
      if (options.terminal) draw(state, options);
      return step(state, options);
    },
  };
}

function step(state: StepState, options: ProgressOptions): ProgressStep {
  const redraw = (): void => {
    if (options.terminal && options.now() - state.drawn >= redrawEveryMs) draw(state, options);
  };
  return {
    advance: (count) => {
      state.done += count;
      redraw();
    },
    total: (total) => {
      state.total = total;
      redraw();
    },
    done: (summary) => {
      const seconds = ((options.now() - state.began) / 1000).toFixed(1);
      const text = summary ?? (state.done > 0 ? amount(state.done, state.unit) : "done");
      options.write(`${options.terminal ? "\r\u001B[K" : ""}${state.label}: ${text} (${seconds} s)\n`);
    },
  };
}

function draw(state: StepState, options: ProgressOptions): void {
  state.drawn = options.now();
  const part = state.total === undefined || state.total === 0 ? undefined : Math.min(1, state.done / state.total);
  const bar = part === undefined ? "" : ` [${"#".repeat(Math.round(part * barWidth)).padEnd(barWidth, ".")}]`;
  const total = state.total === undefined ? "" : ` of ${amount(state.total, state.unit)}`;
  options.write(`\r\u001B[K${state.label}${bar} ${amount(state.done, state.unit)}${total}${rate(state)}`);
}

function rate(state: StepState): string {
  const seconds = (state.drawn - state.began) / 1000;
  if (state.unit !== "bytes" || seconds < 0.5) return "";
  return `, ${amount(state.done / seconds, "bytes")}/s`;
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
