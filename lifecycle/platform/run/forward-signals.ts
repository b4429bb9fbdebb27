import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the signals of this process come from; returns how to stop listening. */
export type SignalSource = (listener: (name: NodeJS.Signals) => void) => () => void;

/** How signals reach an application in its sandbox. */
export interface SignalForwarding {
  /** Says which process the sandbox is; signals that came before are delivered then. */
  readonly started: (pid: number) => void;
  readonly stop: () => void;
}

/** What terminals send, to everything that runs in them. */
const ofTerminals: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGWINCH"];

/** How often somebody has to ask until the application is killed, as with `docker run`. */
const patience = 3;

/** How long a sandbox may take until its command is there, in steps of `stepMs`. */
const steps = 250;
const stepMs = 20;

/**
 * Hands signals on to the command in a sandbox: to its main process alone, as an engine does, or to
 * those that a terminal sends to its process group, as a terminal does. Calls `giveUp` when the third INT or TERM comes.
 */
export function forwardSignals(source: SignalSource, to: "process" | "group", giveUp: () => void): SignalForwarding {
  let started: (pid: number) => void = () => {};
  const sandbox = new Promise<number>((resolve) => (started = resolve));
  const stopped = new AbortController();
  let asked = 0;
  let delivered: Promise<void> = Promise.resolve();
  const unsubscribe = source((name) => {
    if (name === "SIGINT" || name === "SIGTERM") asked += 1;
    if (asked >= patience) giveUp();
    const whole = to === "group" && ofTerminals.includes(name);
    delivered = delivered.then(async () => deliver(name, await sandbox, whole, stopped.signal));
  });
  return {
    started,
    stop: () => {
      stopped.abort();
      unsubscribe();
    },
  };
}

async function deliver(name: NodeJS.Signals, sandbox: number, whole: boolean, stopped: AbortSignal): Promise<void> {
  for (let step = 0; step < steps && !stopped.aborted; step += 1) {
    const command = commandIn(sandbox);
    if (command !== undefined) return kill(whole ? -command.group : command.pid, name);
    await sleep(stepMs);
  }
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended between the look and the signal.
  }
}

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Ticks since the machine started. */
  readonly began: number;
}

/**
 * The command of a sandbox: both ways have a process outside, the first process of the namespace
 * below it, and the command below that. What orphans it adopts later began later.
 */
function commandIn(sandbox: number): ProcessRow | undefined {
  const rows = processes();
  const first = rows.find(({ parent }) => parent === sandbox);
  if (first === undefined) return undefined;
  const children = rows.filter(({ parent }) => parent === first.pid);
  return children.sort((a, b) => a.began - b.began || a.pid - b.pid)[0];
}

function processes(): readonly ProcessRow[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const text = statOf(pid);
      // The name in parentheses may contain anything: proc(5), /proc/pid/stat.
      const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
      if (fields === undefined) return [];
      return [{ pid: Number(pid), parent: Number(fields[1]), group: Number(fields[2]), began: Number(fields[19]) }];
    });
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
}
