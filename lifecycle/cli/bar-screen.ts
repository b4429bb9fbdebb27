import type { Write } from "./console.ts";
import { progressBar, type ProgressState } from "./progress.ts";

const eraseLine = "\r\u001B[K";

/** A terminal whose last line may be a bar. */
export interface BarScreen {
  /** Writes lines; a bar that is shown goes first. */
  readonly write: Write;
  /** Shows a bar, in the place of the one before. */
  readonly draw: (bar: ProgressState) => void;
  /** Takes a bar away. */
  readonly clear: () => void;
}

/** Draws bars below what is written, so that lines and bars of several steps do not run into each other. */
export function barScreen(write: Write, columns: () => number | undefined): BarScreen {
  let shown = false;
  const erase = (): string => {
    const text = shown ? eraseLine : "";
    shown = false;
    return text;
  };
  return {
    write: (text) => write(`${erase()}${text}`),
    draw: (bar) => {
      const width = columns() ?? 0;
      // Terminals that nobody told their size say 0.
      write(`${eraseLine}${progressBar(bar, width > 0 ? width : undefined)}`);
      shown = true;
    },
    clear: () => {
      if (shown) write(erase());
    },
  };
}
