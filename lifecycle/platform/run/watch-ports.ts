import { readFileSync } from "node:fs";
import type { Logger } from "../../logger.ts";

/** The state of a listening socket in /proc/net/tcp. */
const LISTEN = "0A";

/**
 * Says once, after `patienceMs`, on which of these ports of the application nothing listens. It looks and does not
 * connect, because the application would see that. Returns what ends the waiting.
 */
export function watchPorts(ports: readonly number[], patienceMs: number, logger: Logger): () => void {
  const timer = setTimeout(() => {
    const listening = listeningPorts();
    if (listening === undefined) return;
    for (const port of new Set(ports.filter((each) => !listening.has(each)))) {
      logger.warn(`nothing listens on port ${port} of the application after ${Math.round(patienceMs / 1000)} s`);
      logger.warn(
        `hint: it may still be starting; otherwise it listens on another port (-p HOST:PORT names that) or is to listen on the one that PORT names (-e PORT=${port})`,
      );
    }
  }, patienceMs);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Ports on which somebody listens in our network, which is that of the application; undefined: not to be known. */
function listeningPorts(): ReadonlySet<number> | undefined {
  const ports = new Set<number>();
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap(readTable);
  if (tables.length === 0) return undefined;
  for (const line of tables.join("\n").split("\n")) {
    // `sl local_address rem_address st …`, an address as HEX:PORT
    const [, local = "", , state] = line.trim().split(/\s+/);
    if (state === LISTEN) ports.add(Number.parseInt(local.split(":")[1] ?? "", 16));
  }
  return ports;
}

/** A table of the kernel; none where it has no such sockets or does not show it. */
function readTable(path: string): readonly string[] {
  try {
    return [readFileSync(path, "utf8")];
  } catch {
    return [];
  }
}
