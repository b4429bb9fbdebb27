import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { type ErrorCode, errorCode, RemoteError, TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { addressName, type EngineAddress } from "./address.ts";
import { unreachableHint } from "./hints.ts";

/** One request to the engine. */
export interface EngineRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Path and query, encoded. */
  readonly path: string;
  /** A tar. */
  readonly body?: ByteStream | undefined;
  /** What is sent as JSON when there is no tar. */
  readonly document?: object | undefined;
  /** Beside that of the content's type; names in lower case. Never part of a message. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer; its body has to be read to the end. */
export interface EngineResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ByteStream;
}

/** A connection to a container engine. */
export interface EngineConnection {
  /** Where it leads, for messages. */
  readonly name: string;
  /** Throws `ENGINE_UNREACHABLE`, `CANCELED`, and what the body throws. */
  request(request: EngineRequest): Promise<EngineResponse>;
  /** The answer as JSON; undefined for 404. Throws `ENGINE_ERROR` for other failures. */
  json(request: EngineRequest): Promise<unknown>;
  /**
   * Opens the connections and keeps them open, so that a process that gives up the right to
   * open the socket can still use them. Returns the version of the engine's API, `1.41`.
   */
  keepOpen(): Promise<string>;
  close(): Promise<void>;
}

/** Reading one image while another is written: a store does no more at a time. */
const storeConnections = 2;
/** Milliseconds: a build may think for long between two requests. */
const idle = 24 * 60 * 60 * 1000;

/** Options of a connection. */
export interface ConnectionOptions {
  /** How the engine is called in messages; its address when absent. */
  readonly name?: string | undefined;
  /** Requests at a time: whoever follows containers needs more than a store. */
  readonly connections?: number | undefined;
}

/** A connection that is made at the first request; `stop` ends whatever request is under way. */
export function engineConnection(
  address: EngineAddress,
  stop?: AbortSignal,
  { name = addressName(address), connections = storeConnections }: ConnectionOptions = {},
): EngineConnection {
  let pool: Promise<Dispatcher> | undefined;
  // Servers that know their clients hang up on others, often before anybody reads why.
  let isStranger = address.kind === "tcp" && address.tls !== undefined;
  const request = async (given: EngineRequest): Promise<EngineResponse> => {
    const asked = { ...given, signal: given.signal ?? stop };
    try {
      asked.signal?.throwIfAborted();
      const response = await send(await (pool ??= openPool(address, connections)), asked);
      isStranger = false;
      return response;
    } catch (cause) {
      throw unreachable(name, asked, cause, isStranger);
    }
  };
  const ping = async (): Promise<string> => {
    const asked = { method: "GET", path: "/_ping" } as const;
    const response = await request(asked);
    if (response.status !== 200) throw await engineError(name, asked, response);
    await textOf(response.body);
    return response.headers["api-version"] ?? "";
  };
  return {
    name,
    request,
    json: async (asked) => {
      const response = await request(asked);
      if (response.status >= 400 && response.status !== 404) throw await engineError(name, asked, response);
      const text = await textOf(response.body);
      return response.status === 404 ? undefined : parse(text, name, asked);
    },
    keepOpen: async () => {
      const [version] = await Promise.all(Array.from({ length: storeConnections }, ping));
      return version ?? "";
    },
    close: async () => {
      await (await pool)?.destroy();
    },
  };
}

async function openPool(address: EngineAddress, connections: number): Promise<Dispatcher> {
  const { Pool } = await import("../../third-party/undici.ts");
  const isTls = address.kind === "tcp" && address.tls !== undefined;
  const origin = address.kind === "unix" ? "http://engine" : `${isTls ? "https" : "http"}://${address.host}`;
  return new Pool(origin, {
    connections,
    pipelining: 1,
    // An engine may take as long as it wants: it unpacks what it is sent before it answers.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idle,
    keepAliveMaxTimeout: idle,
    connect: { timeout: 15_000, ...(address.kind === "unix" ? { socketPath: address.path } : tlsOptions(address)) },
  });
}

function tlsOptions({ tls }: Extract<EngineAddress, { readonly kind: "tcp" }>): object {
  if (tls === undefined) return {};
  const { ca, cert, key, verify } = tls;
  const given = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  return { ...Object.fromEntries(given), rejectUnauthorized: verify };
}

async function send(pool: Dispatcher, request: EngineRequest): Promise<EngineResponse> {
  const { method, path, signal } = request;
  const content = await contentOf(request);
  const response = await pool.request({
    method,
    path,
    headers: { ...request.headers, ...content.headers },
    ...(content.body === undefined ? {} : { body: content.body }),
    ...(signal === undefined ? {} : { signal }),
  });
  const headers = Object.entries(response.headers).map(([key, value]) => [key.toLowerCase(), String(value)]);
  return {
    status: response.statusCode,
    headers: Object.fromEntries(headers) as Readonly<Record<string, string>>,
    body: response.body as AsyncIterable<Uint8Array>,
  };
}

/** A request's body with the header that says what it is. */
interface Content {
  readonly body?: Readable | string;
  readonly headers: Readonly<Record<string, string>>;
}

async function contentOf({ body, document }: EngineRequest): Promise<Content> {
  if (body !== undefined) {
    const { Readable: Stream } = await import("node:stream");
    return { body: Stream.from(body, { objectMode: false }), headers: { "content-type": "application/x-tar" } };
  }
  if (document === undefined) return { headers: {} };
  return { body: JSON.stringify(document), headers: { "content-type": "application/json" } };
}

function unreachable(
  name: string,
  { method, path, signal }: EngineRequest,
  cause: unknown,
  isStranger: boolean,
): TspackError {
  if (signal?.aborted === true) return new TspackError("CANCELED", "stopped", { cause });
  if (cause instanceof TspackError) return cause;
  const reason = errorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  const details = { status: undefined, method, url: urlOf(name, path), side: sideOf(method) } as const;
  return new RemoteError("ENGINE_UNREACHABLE", `no answer from the container engine at ${name} (${reason})`, details, {
    cause,
    hint: unreachableHint(reason, isStranger),
  });
}

/** The error of an answer that says no. Reads the body. */
export async function engineError(
  name: string,
  { method, path }: EngineRequest,
  response: EngineResponse,
): Promise<RemoteError> {
  const said = messageOf(await textOf(response.body));
  const code: ErrorCode = response.status === 404 ? "NOT_FOUND" : "ENGINE_ERROR";
  const details = { status: response.status, method, url: urlOf(name, path), side: sideOf(method) } as const;
  // Who waits for a 404 has a better idea what to do.
  const hint = code === "NOT_FOUND" ? undefined : "its own log says more; --runner sandbox builds without an engine";
  return new RemoteError(code, `the container engine answered ${response.status}: ${said}`, details, { hint });
}

function urlOf(name: string, path: string): string {
  return `${name}${path.split("?")[0]}`;
}

function sideOf(method: EngineRequest["method"]): "source" | "destination" {
  return method === "GET" || method === "HEAD" ? "source" : "destination";
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return printable(typeof message === "string" ? message : text);
  } catch {
    return printable(text);
  }
}

/** Text of another program, fit for a terminal and a log. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 500);
}

/** Reads a body as text; answers of an engine that are no archives fit into memory. */
export async function textOf(body: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string, name: string, { method, path }: EngineRequest): unknown {
  try {
    return text === "" ? {} : (JSON.parse(text) as unknown);
  } catch (cause) {
    const details = { status: 200, method, url: urlOf(name, path), side: sideOf(method) } as const;
    const message = `the container engine's answer is not JSON: ${printable(text)}`;
    throw new RemoteError("ENGINE_ERROR", message, details, { cause, hint: `is ${name} a container engine?` });
  }
}
