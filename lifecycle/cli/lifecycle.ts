#!/usr/bin/env node
import { join } from "node:path";
import { runScript } from "../distribution/script.ts";
import { versionText } from "../distribution/version.ts";
import { takeCredentials } from "./credentials.ts";
import { partOfPhase, type PhasePart } from "./parts/phase-part.ts";
import type { LifecycleProcess } from "./run-phase.ts";

/** The files of the bundle that have the phases; `programs.mjs` puts them in. */
declare const TSPACK_SCRIPTS: Readonly<Record<`run-${PhasePart}`, string>>;

// By this signal any process of the same user, a buildpack's too, could open Node's debugger and
// read the credentials with it. The starter's Node never does that; in any other a listener takes
// the place of the debugger's, and comes first.
process.on("SIGUSR1", () => {});

// The reader of our output may be gone before we are (`| head`): that is no failure of ours.
process.stdout.on("error", () => {});

const [first, ...rest] = process.argv.slice(2);
// The starter of the distribution says by an argument of its own how it was called.
const [word, ...further] = first?.startsWith("@") === true ? rest : [first, ...rest];
if (further.length === 0 && (word === "-version" || word === "--version")) {
  // Nothing else is loaded for this: scripts ask for it often.
  process.stdout.write(`${versionText}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  const aborter = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => aborter.abort());

  const env = takeCredentials(process.env);
  const program = process.argv[1] ?? "lifecycle";
  const part = partOfPhase(program, process.argv.slice(2));
  const script = join(import.meta.dirname, TSPACK_SCRIPTS[`run-${part}`]);
  const { keepHeapSmall, runLifecycle } = runScript(script) as Runnable;
  keepHeapSmall();
  const code = await runLifecycle({
    argv: process.argv.slice(2),
    program,
    env,
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    signal: aborter.signal,
  });
  // Kept connections would hold the process open for seconds.
  process.exit(code);
}

/** What the file of the phases exports. */
interface Runnable {
  readonly runLifecycle: (host: LifecycleProcess) => Promise<number>;
  readonly keepHeapSmall: () => void;
}
