import { closeSync, readFileSync } from "node:fs";
import type { Env } from "./phase-options.ts";

/** Names the unnamed file that the starter has put `CNB_REGISTRY_AUTH` in; see `distribution/starter.c`. */
const fileVariable = "TSPACK_REGISTRY_AUTH_FD";

/**
 * The environment that a phase works with, whose credentials are in memory alone from here on:
 * what the starter handed over is read and closed, and `variables`, which child processes
 * inherit, forgets them.
 */
export function takeCredentials(variables: Record<string, string | undefined>): Env {
  const descriptor = Number(variables[fileVariable] ?? "");
  delete variables[fileVariable];
  const env = { ...variables };
  delete variables["CNB_REGISTRY_AUTH"];
  if (!Number.isInteger(descriptor) || descriptor < 3) return env;
  const secret = readFileSync(descriptor, "utf8");
  closeSync(descriptor);
  return { ...env, CNB_REGISTRY_AUTH: secret };
}
