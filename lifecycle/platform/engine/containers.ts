import { TspackError } from "../../errors.ts";
import { type EngineConnection, engineError, printable } from "../../stores/engine/connection.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { splitFrames } from "./frames.ts";

/** A container, as it is created. */
export interface ContainerSpec {
  readonly name: string;
  /** A name or an ID of an image that the engine has. */
  readonly image: string;
  /** Program and arguments; no shell sees them. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `UID:GID`: an image need not have names for them. */
  readonly user: string;
  /** `volume:/path` or `/path/there:/path:ro`. */
  readonly binds: readonly string[];
  /** The name of a network, `host` or `none`. */
  readonly network: string;
  /** Takes all capabilities away, for code that is not trusted. */
  readonly confined: boolean;
  /** Security options beside `no-new-privileges`. */
  readonly securityOptions?: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Milliseconds for a request that changes something: it is not given up by Ctrl-C, so that we know what is there. */
const patience = 60_000;

/** Makes a container and returns its ID. Throws `ENGINE_ERROR`, `NOT_FOUND` when the image is not there. */
export async function createContainer(engine: EngineConnection, spec: ContainerSpec): Promise<string> {
  const [entrypoint = "", ...args] = spec.command;
  const document = {
    Image: spec.image,
    // Whatever entrypoint the image has is of no meaning here.
    Entrypoint: [entrypoint],
    Cmd: args,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    User: spec.user,
    Labels: spec.labels,
    HostConfig: {
      Binds: spec.binds,
      NetworkMode: spec.network,
      SecurityOpt: ["no-new-privileges", ...(spec.securityOptions ?? [])],
      ...(spec.confined ? { CapDrop: ["ALL"] } : {}),
    },
  };
  const path = `/containers/create?name=${encodeURIComponent(spec.name)}`;
  const request = { method: "POST", path, document, signal: AbortSignal.timeout(patience) } as const;
  const response = await engine.request(request);
  if (response.status >= 400) throw await engineError(engine.name, request, response);
  const id = idIn(await bodyText(response.body));
  if (id !== undefined) return id;
  throw new TspackError("ENGINE_ERROR", "the container engine made a container and does not say which");
}

function idIn(answer: string): string | undefined {
  try {
    const { Id: id } = JSON.parse(answer) as { readonly Id?: unknown };
    return typeof id === "string" ? id : undefined;
  } catch {
    return undefined;
  }
}

/** What a container wrote, line by line or in pieces: `stdout` or `stderr`. */
export type ContainerOutput = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

/**
 * Starts a container that was created, hands out what it writes and returns its exit status.
 * Throws `ENGINE_ERROR`; `CANCELED` when the signal ends the waiting: the container still runs then.
 */
export async function runContainer(
  engine: EngineConnection,
  id: string,
  onOutput: ContainerOutput,
  signal: AbortSignal,
): Promise<number> {
  const attach = { method: "POST", path: `/containers/${id}/attach?stream=1&stdout=1&stderr=1`, signal } as const;
  // Before the start: nothing that it writes is lost, and nothing is kept in files of the engine.
  const attached = await engine.request(attach);
  if (attached.status >= 400) throw await engineError(engine.name, attach, attached);
  const output = followOutput(attached.body, onOutput);
  // It is awaited after the start; until then its failure must not count as unhandled.
  output.catch(() => {});
  await change(engine, { method: "POST", path: `/containers/${id}/start` });
  try {
    await output;
  } catch (error) {
    // An engine may end the stream without ceremony; how the container ended is told by the wait.
    if (signal.aborted) throw new TspackError("CANCELED", "stopped", { cause: error });
  }
  const ended = await engine.json({ method: "POST", path: `/containers/${id}/wait`, signal });
  return exitStatus(ended);
}

async function followOutput(body: ByteStream, onOutput: ContainerOutput): Promise<void> {
  for await (const { stream, bytes } of splitFrames(body)) onOutput(stream, bytes);
}

function exitStatus(answer: unknown): number {
  const { StatusCode: status, Error: failure } = (answer ?? {}) as {
    readonly StatusCode?: unknown;
    readonly Error?: { readonly Message?: unknown } | null;
  };
  if (typeof failure?.Message === "string" && failure.Message !== "") {
    throw new TspackError("ENGINE_ERROR", `the container could not be run: ${printable(failure.Message)}`);
  }
  if (typeof status === "number") return status;
  throw new TspackError("ENGINE_ERROR", "the container engine does not say how the container ended");
}

/** Ends and removes a container with the volumes that only it has; one that is not there is no error. */
export async function removeContainer(engine: EngineConnection, name: string): Promise<void> {
  await change(engine, { method: "DELETE", path: `/containers/${encodeURIComponent(name)}?force=1&v=1` });
}

/** Makes a volume; one that is there stays as it is. */
export async function createVolume(
  engine: EngineConnection,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const asked = { method: "POST", path: "/volumes/create", document: { Name: name, Labels: labels } } as const;
  try {
    await change(engine, asked);
  } catch (error) {
    // Podman fails when two builds make the same one at the same time: the other one made it.
    if (!(await hasVolume(engine, name))) throw error;
  }
}

async function hasVolume(engine: EngineConnection, name: string): Promise<boolean> {
  const path = `/volumes/${encodeURIComponent(name)}`;
  const response = await engine.request({ method: "GET", path, signal: AbortSignal.timeout(patience) });
  await bodyText(response.body);
  return response.status === 200;
}

/** Removes a volume with what is in it; one that is not there is no error. Throws `ENGINE_ERROR` for one in use. */
export async function removeVolume(engine: EngineConnection, name: string): Promise<void> {
  await change(engine, { method: "DELETE", path: `/volumes/${encodeURIComponent(name)}?force=1` });
}

/** Makes a bridge network of its own. */
export async function createNetwork(
  engine: EngineConnection,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const document = { Name: name, Driver: "bridge", Labels: labels };
  await change(engine, { method: "POST", path: "/networks/create", document });
}

/** Removes a network; one that is not there is no error. */
export async function removeNetwork(engine: EngineConnection, name: string): Promise<void> {
  await change(engine, { method: "DELETE", path: `/networks/${encodeURIComponent(name)}` });
}

/** A change that is carried through even when the work is given up: else nobody knew what is left. */
async function change(
  engine: EngineConnection,
  request: { readonly method: "POST" | "DELETE"; readonly path: string; readonly document?: object },
): Promise<void> {
  const asked = { ...request, signal: AbortSignal.timeout(patience) };
  const response = await engine.request(asked);
  if (response.status === 404 && request.method === "DELETE") return void (await bodyText(response.body));
  if (response.status >= 400) throw await engineError(engine.name, asked, response);
  await bodyText(response.body);
}

async function bodyText(body: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
