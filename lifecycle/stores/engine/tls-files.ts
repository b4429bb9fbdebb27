import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, InputError } from "../../errors.ts";
import type { EngineTls } from "./address.ts";

/**
 * The certificates of a directory as Docker keeps them: `ca.pem`, and `cert.pem` with `key.pem` for
 * engines that want to know who we are. `source` is what named it. Throws `INVALID_ENV`.
 */
export function readEngineTls(directory: string, verify: boolean, source = "env DOCKER_CERT_PATH"): EngineTls {
  const read = (name: string): string | undefined => readPem(join(directory, name), source);
  const [ca, cert, key] = [read("ca.pem"), read("cert.pem"), read("key.pem")];
  // A name that leads nowhere must not mean that the CAs of this machine are meant.
  if (ca === undefined && !isContext(source)) throw unreadable(join(directory, "ca.pem"), source, "ENOENT");
  if ((cert === undefined) !== (key === undefined))
    throw unreadable(join(directory, cert === undefined ? "cert.pem" : "key.pem"), source, "ENOENT");
  return { ca, cert, key, verify };
}

/** Contexts have only the files that somebody gave them; engines with a certificate of a public CA need none. */
function isContext(source: string): boolean {
  return source.startsWith("context ");
}

function readPem(file: string, source: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw unreadable(file, source, errorCode(cause) ?? "unreadable", cause);
  }
}

function unreadable(file: string, source: string, reason: string, cause?: unknown): InputError {
  const expected = "ca.pem, and cert.pem with key.pem when the engine wants a client certificate";
  const issue = { source, path: "", expected, got: `${file} (${reason})` };
  const hint = isContext(source)
    ? "docker context update gives the context its certificates"
    : "correct DOCKER_CERT_PATH, or unset it and DOCKER_TLS_VERIFY";
  return new InputError("INVALID_ENV", "the certificates for the container engine can not be read", [issue], {
    cause,
    hint,
  });
}

/**
 * Docker's own rules: `DOCKER_CERT_PATH` or `DOCKER_TLS_VERIFY` mean TLS, and only the latter
 * means that the engine's certificate is checked. Throws `INVALID_ENV`.
 */
export function engineTlsFrom(env: Readonly<Record<string, string | undefined>>): EngineTls | undefined {
  const verify = (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const given = env["DOCKER_CERT_PATH"] ?? "";
  if (given === "" && !verify) return undefined;
  return readEngineTls(given === "" ? join(env["HOME"] ?? "/", ".docker") : given, verify);
}
