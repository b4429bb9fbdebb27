import { TspackError } from "../../errors.ts";
import type { Env } from "../machine.ts";

/** What a credential helper is asked to do. */
export type CredentialAction =
  | { readonly kind: "store"; readonly server: string; readonly username: string; readonly password: string }
  | { readonly kind: "erase"; readonly server: string };

/** Milliseconds until a helper is given up: some ask the person for a key's password. */
const patience = 60_000;

/**
 * Has `docker-credential-NAME` keep or forget a password, which it gets on its standard input.
 * Throws `CREDENTIAL_HELPER_FAILED`, and says nothing of what the helper wrote but its first line.
 */
export async function runCredentialProgram(name: string, action: CredentialAction, env: Env): Promise<void> {
  const program = `docker-credential-${name}`;
  // The name comes from a file: it selects a program of PATH and nothing else.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw failed(program, "this is not the name of a credential helper");
  const input =
    action.kind === "erase"
      ? action.server
      : JSON.stringify({ ServerURL: action.server, Username: action.username, Secret: action.password });
  const { execa } = await import("execa");
  const options = { input, reject: false, timeout: patience, env: definedIn(env), extendEnv: false } as const;
  const { exitCode, stderr, stdout, timedOut } = await execa(program, [action.kind], options);
  if (exitCode === 0) return;
  const said = `${stderr}\n${stdout}`;
  // What is not there needs not be forgotten.
  if (action.kind === "erase" && /not found/i.test(said)) return;
  if (timedOut) throw failed(program, "it did not answer in time");
  if (exitCode === undefined) throw failed(program, "it could not be started");
  const line = said.split("\n").find((one) => one.trim() !== "") ?? "";
  const secret = action.kind === "store" ? action.password : "";
  const shown = secret !== "" && line.includes(secret) ? "" : `: ${line.trim()}`;
  throw failed(program, `it ended with exit code ${exitCode}${shown}`);
}

function failed(program: string, reason: string): TspackError {
  return new TspackError("CREDENTIAL_HELPER_FAILED", `${program} could not be used: ${reason}`, {
    hint: "install it, or remove credsStore and credHelpers from Docker's config.json to keep passwords in that file",
  });
}

function definedIn(env: Env): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
