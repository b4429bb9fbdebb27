import { TspackError } from "../errors.ts";
import { parseSecretJson } from "./keychain-json.ts";
import type { Credential } from "./store.ts";

/** How credential helpers are run. */
export interface HelperOptions {
  /** Milliseconds until a helper is killed. */
  readonly timeout?: number | undefined;
  /** The helper's environment; that of this process when absent. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Its path; looked up by name in `PATH` when absent. */
  readonly program?: string | undefined;
}

const notFound = /credentials not found|no credentials|not logged in|no basic auth credentials/i;

/**
 * Asks `docker-credential-NAME get` for the credential of a server, whose name is written to
 * the helper's standard input. Undefined when the helper has none. Throws
 * `CREDENTIAL_HELPER_FAILED` when it is missing, fails, hangs or answers nonsense.
 */
export async function credentialFromHelper(
  name: string,
  server: string,
  options: HelperOptions = {},
): Promise<Credential | undefined> {
  // The name comes from a file: it selects a program on PATH and nothing else.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw failed(name, server, `${JSON.stringify(name)} is not the name of a credential helper`);
  }
  const program = `docker-credential-${name}`;
  const { execa } = await import("execa");
  const running = execa(options.program ?? program, ["get"], {
    input: server,
    reject: false,
    ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    running.kill("SIGKILL");
    // What the helper has started (a password prompt) may keep its output open: do not wait for it.
    running.stdout.destroy();
    running.stderr.destroy();
  }, options.timeout ?? 30_000);
  const result = await running;
  clearTimeout(timer);
  if (result.isCanceled) throw new TspackError("CANCELED", `${program} was stopped`);
  if (timedOut) throw failed(name, server, `${program} did not answer in time`);
  if (result.exitCode === undefined) throw failed(name, server, `${program} could not be started`, result);
  if (result.exitCode === 0) return decode(name, server, result.stdout);
  if (notFound.test(`${result.stdout}\n${result.stderr}`)) return undefined;
  throw failed(name, server, `${program} ended with exit code ${result.exitCode}`, firstLine(result.stderr));
}

function decode(name: string, server: string, output: string): Credential | undefined {
  const document = parseSecretJson(output, `output of docker-credential-${name}`, "CREDENTIAL_HELPER_FAILED");
  const { Username, Secret } = (document ?? {}) as { readonly Username?: unknown; readonly Secret?: unknown };
  if (typeof Username !== "string" || typeof Secret !== "string") {
    throw failed(name, server, `docker-credential-${name} gave no Username and Secret`);
  }
  if (Username === "" && Secret === "") return undefined;
  // Helpers mark an identity token by this user name.
  if (Username === "<token>") return { kind: "token", identityToken: Secret };
  return { kind: "basic", username: Username, password: Secret };
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.slice(0, 200) ?? "";
}

function failed(name: string, server: string, message: string, cause?: unknown): TspackError {
  const detail = typeof cause === "string" && cause !== "" ? `: ${cause}` : "";
  return new TspackError("CREDENTIAL_HELPER_FAILED", `${message}, asked for ${server}${detail}`, {
    cause: cause instanceof Error ? cause.cause : undefined,
    hint: `check that docker-credential-${name} is installed and on PATH, or remove it from the Docker config`,
  });
}
