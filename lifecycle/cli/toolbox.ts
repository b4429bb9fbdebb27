import type { Context } from "../context.ts";
import { silentProgress } from "../context.ts";
import { InputError } from "../errors.ts";
import type { LogLevel } from "../logger.ts";
import { type ImageRef, parseReference } from "../oci/reference.ts";
import { type Env, type Machine } from "../platform/machine.ts";
import type { SignalSource } from "../platform/run/forward-signals.ts";
import { openTools, type Tools } from "../platform/tools.ts";
import { lineLogger, timestamped, type Write } from "./console.ts";
import { networkAccess } from "./network-access.ts";
import { compileOptimized } from "./plain-wasm.ts";
import { barScreen } from "./bar-screen.ts";
import { consoleProgress } from "./progress.ts";

export { ExitWith } from "./exit-with.ts";
export { familiarName } from "../platform/familiar-name.ts";

/** The process that tspack runs in, as far as it may see it. */
export interface TspackHost extends Machine {
  readonly argv: readonly string[];
  /** The name that the program was started by, when it is that of a program whose place it takes. */
  readonly calledAs?: "pack" | undefined;
  readonly stdout: Write;
  readonly stderr: Write;
  /** Whether standard error is a terminal that can be drawn on: bars instead of lines. */
  readonly terminal: boolean;
  /** How wide it is now, as far as that is known. */
  readonly columns?: number | undefined;
  readonly color: boolean;
  /** Whether standard input and output are the same person's terminal. */
  readonly interactive?: boolean;
  readonly signal: AbortSignal;
  /** Signals of this process one by one, for a process that is run; nothing else waits for them. */
  readonly signals?: SignalSource;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly timestamps?: boolean;
  readonly color?: boolean;
  readonly insecureRegistry?: readonly string[];
}

/** What commands work with, made once per run. */
export interface Toolbox extends Tools {
  readonly host: TspackHost;
  readonly color: boolean;
}

/** Where a command says what it does, by the options that every command has. */
export function commandContext(host: TspackHost, options: CommonOptions): Context {
  const color = host.color && options.color !== false;
  const level: LogLevel = options.quiet === true ? "error" : options.verbose === true ? "debug" : "info";
  const screen = host.terminal ? barScreen(host.stderr, () => host.columns) : { write: host.stderr };
  const { write } = screen;
  return {
    logger: lineLogger(options.timestamps === true ? timestamped(write) : write, { level, color }),
    progress: options.quiet === true ? silentProgress : consoleProgress({ ...screen, now: () => performance.now() }),
    clock: () => new Date(),
    signal: host.signal,
  };
}

/** Opens the stores with the options that every command has. Throws `INVALID_ENV`, `INVALID_TOML`. */
export function openToolbox(host: TspackHost, options: CommonOptions): Toolbox {
  const ctx = commandContext(host, options);
  const network = networkAccess(host.env, options.insecureRegistry ?? [], ctx);
  const tools = openTools(host, network, ctx);
  const blobs: Tools["blobs"] = (how) => tools.blobs({ optimize: compileOptimized, ...how });
  return { ...tools, blobs, host, color: host.color && options.color !== false };
}

/** Reads an image name of the arguments. Throws `INVALID_REFERENCE`. */
export function imageArgument(text: string, source = "argument"): ImageRef {
  return parseReference(text, source);
}

/**
 * Reads `K=V` or `K` (from the environment) of `--env`, or of another option that takes such. Throws
 * `INVALID_ARGUMENTS` with all that are wrong.
 */
export function readVariables(given: readonly string[], env: Env, source = "--env"): Readonly<Record<string, string>> {
  const issues = given
    .filter((entry) => entry.startsWith("=") || entry === "" || (!entry.includes("=") && env[entry] === undefined))
    .map((entry) => ({
      source,
      path: "",
      expected: source === "--env" ? "NAME=VALUE, or NAME of a variable that is set" : "NAME=VALUE",
      got: JSON.stringify(entry.replace(/=.*/s, "")),
    }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", `values of ${source} can not be used`, issues);
  return Object.fromEntries(
    given.map((entry) => {
      const at = entry.indexOf("=");
      return at === -1 ? [entry, env[entry] ?? ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
