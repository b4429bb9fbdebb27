#!/usr/bin/env node
import { flush } from "./flush.ts";
import { runLifecycle } from "./run-lifecycle.ts";

// The reader of our output may be gone before we are (`| head`): that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const aborter = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => aborter.abort());

const code = await runLifecycle({
  argv: process.argv.slice(2),
  program: process.argv[1] ?? "lifecycle",
  env: process.env,
  user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  signal: aborter.signal,
});
await flush([process.stdout, process.stderr], aborter.signal.aborted ? AbortSignal.timeout(1000) : undefined);
// Kept connections would hold the process open for seconds.
process.exit(code);
