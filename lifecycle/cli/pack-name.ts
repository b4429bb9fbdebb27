import { existsSync } from "node:fs";
import type { BuildOutput } from "../platform/build/request.ts";
import { findEngine } from "../platform/engine/endpoint.ts";
import type { Env } from "../platform/machine.ts";
import type { OnEvent } from "../platform/events.ts";
import { eventPrinter, type EventPrinterOptions } from "./event-printer.ts";
import type { TspackHost } from "./toolbox.ts";

// tspack that is started by the name of pack behaves as scripts and test suites for pack expect it.

/**
 * Where images go that have no `--output` and no `--publish`: into the container engine, where the
 * machine has one or somebody named one; undefined: into the local store. Throws `INVALID_ENV`.
 */
export function packOutput(env: Env): BuildOutput | undefined {
  return hasEngine(env) ? { kind: "engine" } : undefined;
}

/** Whether an engine was named, or is where engines are. Throws `INVALID_ENV`. */
export function hasEngine(env: Env): boolean {
  const { address, source } = findEngine(env);
  return source !== "found" || address.kind !== "unix" || existsSync(address.path);
}

/**
 * Prints events on both streams as pack does: what phases write to standard error goes there,
 * everything else is standard output. Steps of tspack's own go to standard error, too.
 */
export function packPrinter(host: TspackHost, options: Omit<EventPrinterOptions, "write" | "terminal">): OnEvent {
  const out = eventPrinter({ ...options, write: host.stdout, terminal: false });
  const err = eventPrinter({ ...options, write: host.stderr, terminal: false });
  return (event) => {
    const isError = event.type === "output" && (event.stream === "stderr" || event.level === "error");
    (isError || event.type === "progress" ? err : out)(event);
  };
}

/** What stands at the end of a build. */
export function packSummary(image: string): string {
  return `Successfully built image '${image}'\n`;
}
