import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, InputError } from "../errors.ts";
import { defaultEngineHost, type EngineTls, parseEngineHost } from "../stores/engine/address.ts";
import { type EngineConnection, engineConnection } from "../stores/engine/connection.ts";
import type { Env } from "./phase-options.ts";

/**
 * The container engine that the environment names: `DOCKER_HOST`, over TCP with the certificates
 * of `DOCKER_CERT_PATH`. Throws `INVALID_ENV`.
 */
export function openEngine(env: Env, stop?: AbortSignal): EngineConnection {
  const host = env["DOCKER_HOST"] ?? "";
  if (host === "") return engineConnection(parseEngineHost(defaultEngineHost), stop);
  return engineConnection(parseEngineHost(host, host.startsWith("unix:") ? undefined : tlsFrom(env)), stop);
}

/** Docker's own rules: certificates mean TLS, and only `DOCKER_TLS_VERIFY` means that the engine's is checked. */
function tlsFrom(env: Env): EngineTls | undefined {
  const verify = (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const given = env["DOCKER_CERT_PATH"] ?? "";
  if (given === "" && !verify) return undefined;
  const directory = given === "" ? join(env["HOME"] ?? "/", ".docker") : given;
  const read = (name: string): string => readPem(join(directory, name));
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem"), verify };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const got = `${file} (${errorCode(cause) ?? "unreadable"})`;
    const issue = { source: "env DOCKER_CERT_PATH", path: "", expected: "ca.pem, cert.pem and key.pem", got };
    throw new InputError("INVALID_ENV", "the certificates for the container engine can not be read", [issue], {
      cause,
      hint: "correct DOCKER_CERT_PATH, or unset it and DOCKER_TLS_VERIFY",
    });
  }
}
