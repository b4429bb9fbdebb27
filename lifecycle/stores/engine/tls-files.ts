import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, InputError } from "../../errors.ts";
import type { EngineTls } from "./address.ts";

/**
 * The certificates of a directory as Docker keeps them: `ca.pem`, `cert.pem`, `key.pem`. `source`
 * is what named it. Throws `INVALID_ENV`.
 */
export function readEngineTls(directory: string, verify: boolean, source = "env DOCKER_CERT_PATH"): EngineTls {
  const read = (name: string): string => readPem(join(directory, name), source);
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem"), verify };
}

function readPem(file: string, source: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const got = `${file} (${errorCode(cause) ?? "unreadable"})`;
    const issue = { source, path: "", expected: "ca.pem, cert.pem and key.pem", got };
    throw new InputError("INVALID_ENV", "the certificates for the container engine can not be read", [issue], {
      cause,
      hint: "correct DOCKER_CERT_PATH, or unset it and DOCKER_TLS_VERIFY",
    });
  }
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
