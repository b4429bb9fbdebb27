import { RemoteError, TspackError } from "../../errors.ts";
import { addressName } from "../../stores/engine/address.ts";
import { type EngineConnection, engineConnection, printable } from "../../stores/engine/connection.ts";
import type { Env } from "../machine.ts";
import { type EngineEndpoint, findEngine, type SshEndpoint } from "./endpoint.ts";
import { openSshTunnel, sshHint } from "./ssh.ts";

/** An engine that answers. */
export interface OpenEngine {
  readonly connection: EngineConnection;
  /** How the summary calls it: `Docker 27.1 at unix:///var/run/docker.sock`. */
  readonly name: string;
  /** Its socket on the machine where it runs, as far as it is known. */
  readonly socket: string | undefined;
  /** The platform of its machine: `linux`, `amd64`. */
  readonly os: string;
  readonly architecture: string;
  readonly close: () => Promise<void>;
}

/** The oldest API that has all that is asked of an engine: Docker 19.03, Podman 3. */
const oldestApi = [1, 40] as const;
/** Following a container takes two requests for its whole life, and uploads come beside them. */
const connections = 8;

/**
 * Connects to the person's container engine and makes sure that it is one that can build. Throws
 * `INVALID_ENV`, `ENGINE_UNREACHABLE` with what to do, `ENGINE_ERROR` for one that is too old.
 */
export async function openEngine(
  env: Env,
  signal: AbortSignal,
  endpoint: EngineEndpoint = findEngine(env),
): Promise<OpenEngine> {
  const { address } = endpoint;
  const tunnel = address.kind === "ssh" ? await openSshTunnel(address) : undefined;
  const name = address.kind === "ssh" ? sshName(address) : addressName(address);
  const target = address.kind === "ssh" ? ({ kind: "unix", path: tunnel?.socket ?? "" } as const) : address;
  const connection = engineConnection(target, signal, { name, connections });
  const close = async (): Promise<void> => {
    await connection.close();
    await tunnel?.close();
  };
  try {
    const facts = await engineFacts(connection, name);
    return { connection, ...facts, socket: socketOf(address), close };
  } catch (error) {
    await close();
    throw explain(error, endpoint, tunnel?.complaint() ?? "");
  }
}

function socketOf(address: EngineEndpoint["address"]): string | undefined {
  if (address.kind === "unix") return address.path;
  return address.kind === "ssh" ? (address.socket ?? "/var/run/docker.sock") : undefined;
}

function sshName({ user, host, port }: SshEndpoint): string {
  return `ssh://${user === undefined ? "" : `${user}@`}${host}${port === undefined ? "" : `:${port}`}`;
}

async function engineFacts(
  connection: EngineConnection,
  address: string,
): Promise<Pick<OpenEngine, "name" | "os" | "architecture">> {
  const api = await connection.keepOpen();
  requireApi(api, address);
  const version = (await connection.json({ method: "GET", path: "/version" })) as VersionAnswer | undefined;
  const { Os: os = "linux", Arch: architecture = "", Version: own = "", Components: parts } = version ?? {};
  const isPodman = parts?.some(({ Name: name = "" }) => name.startsWith("Podman")) === true;
  return { name: `${isPodman ? "Podman" : "Docker"} ${own} at ${address}`, os, architecture };
}

interface VersionAnswer {
  readonly Version?: string;
  readonly Os?: string;
  readonly Arch?: string;
  readonly Components?: readonly { readonly Name?: string }[] | null;
}

function requireApi(api: string, address: string): void {
  const [major = 0, minor = 0] = api.split(".").map(Number);
  if (major > oldestApi[0] || (major === oldestApi[0] && minor >= oldestApi[1])) return;
  const got = api === "" ? "no API of Docker's" : `API ${api}`;
  const message = `the container engine at ${address} is too old: it speaks ${got}, and ${oldestApi.join(".")} is needed`;
  throw new TspackError("ENGINE_ERROR", message, {
    hint: "update it (Docker 19.03, Podman 3.0 or newer), or build without it: --runner sandbox",
  });
}

function explain(error: unknown, { source, address }: EngineEndpoint, complaint: string): unknown {
  if (!(error instanceof RemoteError)) return error;
  const named = source === "found" ? "" : ` (named by ${source})`;
  const refusal = refusalHint(error);
  if (refusal !== undefined) {
    const at = error.remote.url.replace(/\/_ping$/, "");
    return new TspackError("ENGINE_ERROR", `${error.message}, at ${at}${named}`, { cause: error, hint: refusal });
  }
  if (error.code !== "ENGINE_UNREACHABLE") return error;
  const ssh = complaint === "" ? "" : `: ${printable(complaint)}`;
  const hint = (address.kind === "ssh" ? sshHint(complaint, address) : undefined) ?? error.hint ?? "check that it runs";
  return new TspackError("ENGINE_UNREACHABLE", `${error.message}${named}${ssh}`, {
    cause: error,
    hint: `${hint}; --runner sandbox builds without an engine`,
  });
}

/** What to do about an engine that answers and will not be used. */
function refusalHint({ message, remote: { status } }: RemoteError): string | undefined {
  if (status === 401 || status === 403) {
    return "ask who runs the engine, or the proxy before it, to let this user in, or set DOCKER_HOST to another; --runner sandbox builds without an engine";
  }
  if (status === 400 && /HTTP request to an HTTPS server/i.test(message)) {
    return "it wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem";
  }
  return undefined;
}
