import type { Logger, LogLevel } from "../logger.ts";

/** Takes text as it is. */
export type Write = (text: string) => void;

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Colours a text. */
export type Paint = (text: string) => string;

/** The colours that platforms know from the reference; each wraps one word or line. */
export interface Palette {
  readonly error: Paint;
  readonly warn: Paint;
  readonly phase: Paint;
  readonly good: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

/**
 * Text of images, servers and files, fit for a terminal: what would move the cursor, change the title
 * or hide other text is shown as `\\xNN`. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    /[\0-\x08\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

const sgr =
  (code: string) =>
  (text: string): string =>
    `\u001B[${code}m${text}\u001B[0m`;
const plain = (text: string): string => text;

/** The palette, or one that changes nothing. */
export function palette(color: boolean): Palette {
  if (!color) return { error: plain, warn: plain, phase: plain, good: plain, dim: plain, bold: plain };
  return { error: sgr("31;1"), warn: sgr("33;1"), phase: sgr("36"), good: sgr("32"), dim: sgr("2"), bold: sgr("1") };
}

/**
 * A logger that writes lines as the reference lifecycle does: everything to one stream, warnings
 * and errors with their word before them, phases as `===> NAME`.
 */
export function lineLogger(write: Write, options: { readonly level: LogLevel; readonly color: boolean }): Logger {
  const { error, warn, phase } = palette(options.color);
  const say = (line: string): void => write(`${line}${line.endsWith("\n") ? "" : "\n"}`);
  const at = (level: LogLevel, prefix: string) => (line: string) => {
    if (ranks[level] >= ranks[options.level]) say(`${prefix}${line}`);
  };
  const info = at("info", "");
  return {
    debug: at("debug", ""),
    info,
    warn: at("warn", warn("Warning: ")),
    error: at("error", error("ERROR: ")),
    say,
    phase: (name) => info(phase(`===> ${name}`)),
  };
}

/** A stream whose lines begin with their time, RFC 3339; whole lines are written to it. */
export function timestamped(write: Write, clock: () => Date = () => new Date()): Write {
  return (text) => write(text.replace(/^(?=.)/gm, `${clock().toISOString()} `));
}
