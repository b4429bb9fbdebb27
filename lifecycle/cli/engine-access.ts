import { defaultEngineHost, parseEngineHost } from "../stores/engine/address.ts";
import { type EngineConnection, engineConnection } from "../stores/engine/connection.ts";
import { engineTlsFrom } from "../stores/engine/tls-files.ts";
import type { Env } from "./phase-options.ts";
import { keepWasmPlain } from "./plain-wasm.ts";

/**
 * The container engine that the environment names: `DOCKER_HOST`, over TCP with the certificates
 * of `DOCKER_CERT_PATH`. Throws `INVALID_ENV`.
 */
export function openEngine(env: Env, stop?: AbortSignal): EngineConnection {
  keepWasmPlain();
  const host = env["DOCKER_HOST"] ?? "";
  if (host === "") return engineConnection(parseEngineHost(defaultEngineHost), stop);
  return engineConnection(parseEngineHost(host, host.startsWith("unix:") ? undefined : engineTlsFrom(env)), stop);
}
