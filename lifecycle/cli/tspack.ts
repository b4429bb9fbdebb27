#!/usr/bin/env node
import { basename, dirname, resolve } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { versionText } from "../distribution/version.ts";

const [first] = process.argv.slice(2);
if (process.argv.length === 3 && (first === "--version" || first === "-V" || first === "version")) {
  // Nothing else is loaded for this: scripts ask for it often.
  process.stdout.write(`${versionText}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  // The reader of our output may be gone before we are (`| head`): that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const { keepHeapSmall, runTspack } = await import("./run-tspack.ts");
  keepHeapSmall();
  const aborter = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => aborter.abort());
  const code = await runTspack({
    argv: process.argv.slice(2),
    calledAs: basename(process.argv[1] ?? "") === "pack" ? "pack" : undefined,
    env: process.env,
    cwd: process.cwd(),
    uid: process.getuid?.() ?? 0,
    get stdin() {
      return process.stdin.isTTY ? undefined : process.stdin;
    },
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY && process.env["TERM"] !== "dumb",
    get columns() {
      return process.stderr.columns as number | undefined;
    },
    color: colorWanted(),
    // The bundle is dist/tspack.js of the package.
    packageRoot: resolve(dirname(fileURLToPath(import.meta.url)), ".."),
    // Not process.stdin: making that stream would change the descriptor, which a process that is run may get.
    interactive: isatty(0) && isatty(1),
    signal: aborter.signal,
    signals: listenToSignals,
  });
  const { flush } = await import("./flush.ts");
  await flush([process.stdout, process.stderr], aborter.signal.aborted ? AbortSignal.timeout(1000) : undefined);
  // Kept connections would hold the process open for seconds.
  process.exit(code);
}

function listenToSignals(listener: (name: NodeJS.Signals) => void): () => void {
  const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
  for (const name of forwarded) process.on(name, listener);
  return () => forwarded.forEach((name) => process.off(name, listener));
}

/** https://no-color.org: any value that is not empty turns colour off. */
function colorWanted(): boolean {
  const { env } = process;
  return process.stderr.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
