import { join } from "node:path";
import type { Context } from "../../context.ts";
import type { Machine } from "../machine.ts";
import { exposedCredentials } from "./exposed-credentials.ts";

/**
 * Keeps our credentials from buildpacks that run in this container as the same user: closes this
 * process to them, and warns of what is open elsewhere. Root needs no guard, as its buildpacks are
 * another user.
 */
export function guardFromBuildpacks(machine: Pick<Machine, "env" | "uid" | "packageRoot">, { logger }: Context): void {
  if (machine.uid === 0) return;
  const guarded = guardProcess(guardLibrary(machine.packageRoot));
  for (const exposed of exposedCredentials(machine.env, { guarded })) logger.warn(exposed);
}

/** The library of this package that closes a process to others of its user; see `distribution/guard.c`. */
export function guardLibrary(packageRoot: string): string {
  return join(packageRoot, "dist/native", `linux-${process.arch === "arm64" ? "arm64" : "amd64"}`, "guard.so");
}

/**
 * Closes this process to all others of the same user for as long as it runs: its memory,
 * environment and open files, and Node's debugger. False where that can not be done: without the
 * library, and on other systems than Linux.
 */
export function guardProcess(library: string): boolean {
  // A listener takes the place of the one that opens the debugger; once is enough.
  if (process.listenerCount("SIGUSR1") === 0) process.on("SIGUSR1", () => {});
  try {
    process.dlopen({ exports: {} }, library);
  } catch (error) {
    // It is no module of Node's, which says so after the library's constructor has done its work.
    // That cannot fail (prctl(2)), but other systems than Linux may load a library and not have it.
    return process.platform === "linux" && error instanceof Error && error.message.includes("did not self-register");
  }
  return false;
}
