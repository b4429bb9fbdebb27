import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program that runs. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** One run of a program. */
export interface Run {
  readonly seconds: number;
  /** User and system time of the program and its children; undefined without /usr/bin/time. */
  readonly cpuSeconds: number | undefined;
  readonly peakKilobytes: number | undefined;
}

/** What a program and its children read and wrote by system calls: files, pipes and connections alike. */
export interface Transfers {
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Calls of both kinds. */
  readonly calls: number;
}

const time = "/usr/bin/time";

/** Runs a program once. Throws with its last lines when it fails. */
export async function measure({ name, command, env, cwd }: Program): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-time-"));
  try {
    const report = join(directory, "time");
    const timed = existsSync(time) ? [time, "-o", report, "-f", "%U %S %M", "--", ...command] : [...command];
    const began = performance.now();
    await runToEnd(name, timed, { ...environment(), ...env }, cwd);
    const seconds = (performance.now() - began) / 1000;
    if (!existsSync(report)) return { seconds, cpuSeconds: undefined, peakKilobytes: undefined };
    const [user = 0, system = 0, peakKilobytes] = readFileSync(report, "utf8").trim().split(" ").map(Number);
    return { seconds, cpuSeconds: user + system, peakKilobytes };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A process's numbers contain those of its children that have ended, so a shell around the program has them. */
const reportingShell = '"$@"; code=$?; cat /proc/$$/io > "$0" 2> /dev/null; exit $code';

/** Runs a program once for its transfers, without a clock; undefined where the system does not count them. */
export async function transfersOf({ name, command, env, cwd }: Program): Promise<Transfers | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-io-"));
  try {
    const report = join(directory, "io");
    await runToEnd(name, ["sh", "-c", reportingShell, report, ...command], { ...environment(), ...env }, cwd);
    return existsSync(report) ? parseTransfers(readFileSync(report, "utf8")) : undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Reads the text of `/proc/PID/io`; undefined when a number is missing. */
export function parseTransfers(text: string): Transfers | undefined {
  const value = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, "m").exec(text)?.[1]);
  const found = { readBytes: value("rchar"), writtenBytes: value("wchar"), calls: value("syscr") + value("syscw") };
  return Object.values(found).every((each) => Number.isSafeInteger(each)) ? found : undefined;
}

/** Reading more certificates takes Node longer than starting, and is no part of anything that is measured. */
function environment(): Readonly<Record<string, string | undefined>> {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...rest } = process.env;
  return rest;
}

function runToEnd(
  name: string,
  [file = "", ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const keep = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-4000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${name} ended with ${code}:\n${said}`));
    });
  });
}
