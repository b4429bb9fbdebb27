#!/usr/bin/env node
import { basename, join, resolve } from "node:path";
import { runScript } from "../distribution/script.ts";
import { versionText } from "../distribution/version.ts";
import { isTerminal } from "./is-terminal.ts";
import { outputTo } from "./output.ts";
import { type Part, partOf } from "./parts/part-of.ts";
import type { TspackHost } from "./toolbox.ts";

/** The files of the bundle that this one chooses from; `programs.mjs` puts them in. */
declare const TSPACK_SCRIPTS: Readonly<Record<`run-${Part | "tspack"}`, string>>;

const [first] = process.argv.slice(2);
if (process.argv.length === 3 && (first === "--version" || first === "-V" || first === "version")) {
  // Nothing else is loaded for this: scripts ask for it often.
  process.stdout.write(`${versionText}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  const [stdout, stderr] = [outputTo(() => process.stdout), outputTo(() => process.stderr)];
  const { keepHeapSmall, runTspack } = runScript(
    join(import.meta.dirname, TSPACK_SCRIPTS[`run-${partOf(process.argv.slice(2)) ?? "tspack"}`]),
  ) as Runnable;
  keepHeapSmall?.();
  const aborter = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => aborter.abort());
  const code = await runTspack({
    argv: process.argv.slice(2),
    calledAs: basename(process.argv[1] ?? "") === "pack" ? "pack" : undefined,
    env: process.env,
    cwd: process.cwd(),
    uid: process.getuid?.() ?? 0,
    get stdin() {
      return isTerminal(0) ? undefined : process.stdin;
    },
    stdout: stdout.write,
    stderr: stderr.write,
    terminal: isTerminal(2) && process.env["TERM"] !== "dumb",
    get columns() {
      return process.stderr.columns as number | undefined;
    },
    color: colorWanted(),
    // The bundle is dist/tspack.js of the package.
    packageRoot: resolve(import.meta.dirname, ".."),
    // Not process.stdin: making that stream would change the descriptor, which a process that is run may get.
    get interactive() {
      return isTerminal(0) && isTerminal(1);
    },
    signal: aborter.signal,
    signals: listenToSignals,
  });
  const { flush } = await import("./flush.ts");
  await flush([...stdout.opened(), ...stderr.opened()], aborter.signal.aborted ? AbortSignal.timeout(1000) : undefined);
  // Kept connections would hold the process open for seconds.
  process.exit(code);
}

/** What runs: all of tspack, or one of its parts. Those that take little memory let V8 decide about it. */
interface Runnable {
  readonly runTspack: (host: TspackHost) => Promise<number>;
  readonly keepHeapSmall?: () => void;
}

function listenToSignals(listener: (name: NodeJS.Signals) => void): () => void {
  const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
  for (const name of forwarded) process.on(name, listener);
  return () => forwarded.forEach((name) => process.off(name, listener));
}

/** https://no-color.org: any value that is not empty turns colour off. */
function colorWanted(): boolean {
  const { env } = process;
  return isTerminal(2) && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
