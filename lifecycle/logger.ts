/** The levels of `-log-level`, least talkative last. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Takes whole lines without their newline. Colour and stream are the receiver's business. */
export interface Logger {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
  /** Writes a line as it is, whatever the level: what explains a failure must not be filtered out. */
  say(line: string): void;
  /** Announces a phase of the creator, `ANALYZING`. */
  phase(name: string): void;
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  say: () => {},
  phase: () => {},
};
