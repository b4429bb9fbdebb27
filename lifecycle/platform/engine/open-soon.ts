import { InputError, TspackError } from "../../errors.ts";
import { quotedHost } from "../../stores/engine/address.ts";
import type { Env } from "../machine.ts";
import { type EngineEndpoint, findEngine } from "./endpoint.ts";
import { type OpenEngine, openEngine } from "./open-engine.ts";

/** Milliseconds for an engine to answer at all. */
const patience = 5_000;

/**
 * The engine of `--docker-host`, which may be the path of a socket; without it, and for `inherit`, that of
 * `DOCKER_HOST` and Docker's context. Throws `INVALID_ARGUMENTS`, `INVALID_ENV`.
 */
export function namedEngine(env: Env, host: string | undefined): EngineEndpoint {
  if (host === undefined || host === "inherit") return findEngine(env);
  const address = host.startsWith("/") ? `unix://${host}` : host;
  if (!/^(unix|tcp|ssh):\/\/./.test(address)) {
    const expected = "unix:///path/to/socket, tcp://host:port or ssh://user@host";
    const issue = { source: "--docker-host", path: "", expected, got: quotedHost(host) };
    throw new InputError("INVALID_ARGUMENTS", "this is no address of a container engine", [issue]);
  }
  return { ...findEngine({ ...env, DOCKER_HOST: address }), source: "--docker-host" };
}

/** Opens an engine for a question that nobody waits long for. Throws as `openEngine`. */
export async function openSoon(endpoint: EngineEndpoint, env: Env, signal: AbortSignal): Promise<OpenEngine> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), patience);
  try {
    return await openEngine(env, AbortSignal.any([signal, slow.signal]), endpoint);
  } catch (error) {
    if (!slow.signal.aborted || signal.aborted) throw error;
    const message = `the container engine (${endpoint.source}) does not answer within ${patience / 1000} seconds`;
    throw new TspackError("ENGINE_UNREACHABLE", message, { hint: "check that it runs", cause: error });
  } finally {
    clearTimeout(timer);
  }
}
