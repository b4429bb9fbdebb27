import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { errorCode } from "../errors.ts";

/** The process that made something that outlives it, so that others can tell whether it still runs. */
export interface Owner {
  /** Name of its machine. */
  readonly host: string;
  /** The start of the machine and the namespaces in which the number of the process has a meaning. */
  readonly scope: string;
  readonly pid: number;
  /** When the process started, in ticks of the machine: numbers of processes are used again. */
  readonly ticks: string;
  /** When it made the thing, in milliseconds since 1970. */
  readonly since: number;
}

/** Milliseconds after which nothing belongs to a build any more: none takes that long. */
const abandonedAfter = 48 * 60 * 60 * 1000;

/** This process as an owner; undefined where the system has no `/proc` that tells of it. */
export function thisOwner(now: Date): Owner | undefined {
  try {
    // In a /proc of another namespace, numbers of processes mean others.
    if (readlinkSync("/proc/self") !== String(process.pid)) return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const [pids, times] = ["pid", "time"].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    const ticks = startOf(process.pid);
    if (ticks === undefined) return undefined;
    return { host: hostname(), scope: `${boot} ${pids} ${times}`, pid: process.pid, ticks, since: now.getTime() };
  } catch {
    return undefined;
  }
}

/** The owner as the value of a label. */
export function encodeOwner(owner: Owner): string {
  return JSON.stringify(owner);
}

/** Reads a label; undefined for a text that is none of ours. */
export function decodeOwner(text: string): Owner | undefined {
  try {
    const { host, scope, pid, ticks, since } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isOurs = typeof host === "string" && typeof scope === "string" && typeof ticks === "string";
    if (!isOurs || !isPositive(pid) || !isPositive(since)) return undefined;
    return { host, scope, pid, ticks, since };
  } catch {
    return undefined;
  }
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/**
 * Whether an owner has certainly ended. That is known of processes that have the same numbers as
 * we; of others of this machine, before its last start or in another container, after two days. Of other
 * machines nothing is known.
 */
export function isGone(owner: Owner, own: Owner): boolean {
  if (owner.scope === own.scope) return !isRunning(owner);
  return owner.host === own.host && own.since - owner.since > abandonedAfter;
}

function isRunning({ pid, ticks }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
  }
  // What /proc hides from this user may be it.
  return (startOf(pid) ?? ticks) === ticks;
}

/** When a process started: field 22, behind a name that may have spaces and brackets. Manual page proc(5). */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
