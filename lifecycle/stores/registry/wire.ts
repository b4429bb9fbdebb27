import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { ByteStream } from "../../oci/layer.ts";
import type { Dispatch, HttpBody, HttpRequest } from "./http.ts";
import { proxyFor } from "./proxy.ts";
import type { ProxySettings } from "./proxy.ts";
import { connectionError } from "./remote-error.ts";

/** Certificates and proxies of connections, all in PEM where they are text. */
export interface WireOptions {
  /** Certificates that are trusted besides those of the runtime. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Hosts with port whose certificate is not checked. */
  readonly insecure?: ReadonlySet<string> | undefined;
  readonly userAgent: string;
  /** Milliseconds without a byte until a connection is given up. */
  readonly timeout?: number | undefined;
}

/** Connections per host: more than transfers at a time, so that reading and writing one host cannot wait for each other. */
const connections = 16;

/** The innermost dispatch: sends a request over HTTP as it is, with kept-alive connections per host. */
export function wire(options: WireOptions): Dispatch {
  const agents = new Map<string, Promise<Dispatcher>>();
  const agentFor = (url: URL): Promise<Dispatcher> => {
    const proxy = proxyFor(url, options.proxy ?? {});
    const checked = !(options.insecure?.has(url.host) ?? false);
    const key = JSON.stringify([proxy ?? "", checked, proxy === undefined ? "" : url.protocol]);
    const known = agents.get(key) ?? newAgent(options, { proxy, checked, tunnel: url.protocol === "https:" });
    agents.set(key, known);
    return known;
  };
  return async (request) => {
    try {
      request.signal.throwIfAborted();
      return await send(request, await agentFor(request.url), options);
    } catch (error) {
      throw connectionError(request, error);
    }
  };
}

async function newAgent(
  options: WireOptions,
  target: { readonly proxy: string | undefined; readonly checked: boolean; readonly tunnel: boolean },
): Promise<Dispatcher> {
  // Loaded here because it costs as much as the rest of the program's start.
  const { Agent, ProxyAgent } = await import("../../third-party/undici.ts");
  const { rootCertificates } = await import("node:tls");
  const trusted = options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] };
  const tls = {
    ...trusted,
    ...(options.cert === undefined ? {} : { cert: options.cert }),
    ...(options.key === undefined ? {} : { key: options.key }),
    rejectUnauthorized: target.checked,
    timeout: 15_000,
  };
  if (target.proxy === undefined) return new Agent({ connections, connect: tls });
  return new ProxyAgent({
    uri: target.proxy,
    connections,
    requestTls: tls,
    proxyTls: trusted,
    proxyTunnel: target.tunnel,
  });
}

async function send(
  request: HttpRequest,
  agent: Dispatcher,
  options: WireOptions,
): Promise<Awaited<ReturnType<Dispatch>>> {
  const timeout = options.timeout ?? 60_000;
  const length = request.body === undefined ? {} : { "content-length": String(bodySize(request.body)) };
  const response = await agent.request({
    origin: request.url.origin,
    path: `${request.url.pathname}${request.url.search}`,
    method: request.method,
    headers: { "user-agent": options.userAgent, ...length, ...request.headers },
    body: request.body === undefined ? null : openBody(request.body),
    signal: request.signal,
    // The end of an upload may cost the registry a pass over the whole blob.
    headersTimeout: request.method === "PUT" ? timeout * 5 : timeout,
    bodyTimeout: timeout,
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { status: response.statusCode, headers, body: readable(response.body, request), url: request.url };
}

/** What goes wrong in the middle of a body is an error of the connection, too. */
async function* readable(body: AsyncIterable<Uint8Array>, request: HttpRequest): ByteStream {
  try {
    yield* body;
  } catch (error) {
    throw connectionError(request, error);
  }
}

/** Bytes of a body. */
export function bodySize(body: HttpBody): number {
  return body instanceof Uint8Array ? body.length : body.size;
}

function openBody(body: HttpBody): Uint8Array | Readable {
  return body instanceof Uint8Array ? body : Readable.from(body.open(), { objectMode: false });
}
