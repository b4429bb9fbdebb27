import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { ByteStream } from "../../oci/layer.ts";
import type { HostCertificates, HostTls } from "./host-certificates.ts";
import type { Dispatch, HttpBody, HttpRequest } from "./http.ts";
import { proxyFor } from "./proxy.ts";
import type { ProxySettings } from "./proxy.ts";
import { connectionError } from "./remote-error.ts";

/** Certificates and proxies of connections. */
export interface WireOptions {
  /** Certificates in PEM that are trusted besides those of the runtime. */
  readonly ca?: string | undefined;
  /** What single hosts need besides. */
  readonly certificates?: HostCertificates | undefined;
  readonly proxy?: ProxySettings | undefined;
  readonly userAgent: string;
  /** Milliseconds without a byte, or with hardly any, until a connection is given up. */
  readonly timeout?: number | undefined;
  /** Called before HTTP is loaded for a connection, by whoever sets up the process for it. */
  readonly beforeHttp?: (() => void) | undefined;
}

/** Connections per host: more than transfers at a time, so that reading and writing one host cannot wait for each other. */
const connections = 16;

/** The innermost dispatch: sends a request over HTTP as it is, with kept-alive connections per host. */
export function wire(options: WireOptions): Dispatch {
  const agents = new Map<string, Promise<Dispatcher>>();
  const agentFor = async ({ url, insecure }: HttpRequest): Promise<Dispatcher> => {
    const proxy = proxyFor(url, options.proxy ?? {});
    const checked = insecure !== url.host;
    const tunnel = url.protocol === "https:";
    const tls = tunnel ? await options.certificates?.(url.host) : undefined;
    // A host with certificates of its own shares its connections' settings with no other.
    const own = tls === undefined ? "" : url.host;
    const key = JSON.stringify([proxy ?? "", checked, url.protocol, own]);
    const known = agents.get(key) ?? newAgent(options, { proxy, checked, tunnel, tls });
    agents.set(key, known);
    return known;
  };
  return async (request) => {
    try {
      request.signal.throwIfAborted();
      return await send(request, await agentFor(request), options);
    } catch (error) {
      throw connectionError(request, error);
    }
  };
}

interface Target {
  readonly proxy: string | undefined;
  readonly checked: boolean;
  readonly tunnel: boolean;
  readonly tls: HostTls | undefined;
}

async function newAgent(options: WireOptions, target: Target): Promise<Dispatcher> {
  options.beforeHttp?.();
  // Loaded here because it costs as much as the rest of the program's start.
  const { Agent, ProxyAgent } = await import("../../third-party/undici.ts");
  const trusted = options.ca === undefined ? [] : [options.ca];
  const { ca = [], cert = [], key = [] } = target.tls ?? {};
  const tls = {
    ...(await trust(target.tunnel ? [...trusted, ...ca] : [])),
    ...(cert.length === 0 ? {} : { cert: [...cert], key: [...key] }),
    rejectUnauthorized: target.checked,
    timeout: 15_000,
  };
  if (target.proxy === undefined) return new Agent({ connections, connect: tls });
  return new ProxyAgent({
    uri: target.proxy,
    connections,
    requestTls: tls,
    proxyTls: await trust(/^https:/i.test(target.proxy) ? trusted : []),
    proxyTunnel: target.tunnel,
  });
}

/** The runtime's certificates with further ones; they are many, so they are loaded only for these. */
async function trust(extra: readonly string[]): Promise<{ readonly ca?: string[] }> {
  if (extra.length === 0) return {};
  const { rootCertificates } = await import("node:tls");
  return { ca: [...rootCertificates, ...extra] };
}

async function send(
  request: HttpRequest,
  agent: Dispatcher,
  options: WireOptions,
): Promise<Awaited<ReturnType<Dispatch>>> {
  const timeout = options.timeout ?? 60_000;
  const size = request.body === undefined ? undefined : bodySize(request.body);
  const length = size === undefined ? {} : { "content-length": String(size) };
  const response = await agent.request({
    origin: request.url.origin,
    path: `${request.url.pathname}${request.url.search}`,
    method: request.method,
    headers: { "user-agent": options.userAgent, ...length, ...request.headers },
    body: request.body === undefined ? null : openBody(request.body),
    signal: request.signal,
    // The end of an upload may cost the registry a pass over the whole blob.
    headersTimeout: Math.min(request.method === "PUT" ? timeout * 5 : timeout, request.patience ?? Infinity),
    bodyTimeout: timeout,
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { status: response.statusCode, headers, body: readable(response.body, request, timeout), url: request.url };
}

/** What goes wrong in the middle of a body is an error of the connection, too. */
async function* readable(body: AsyncIterable<Uint8Array>, request: HttpRequest, timeout: number): ByteStream {
  try {
    yield* fastEnough(leastRate, body, timeout);
  } catch (error) {
    throw connectionError(request, error);
  }
}

/** Bytes per second. Who sends a byte now and then would keep us for days without ever running into a timeout. */
const leastRate = 256;

/** Fails when the bytes of `period` milliseconds of waiting are fewer than `rate` a second. How long the reader takes does not count. */
async function* fastEnough(rate: number, body: AsyncIterable<Uint8Array>, period: number): ByteStream {
  let waited = 0;
  let bytes = 0;
  let since = performance.now();
  for await (const chunk of body) {
    waited += performance.now() - since;
    bytes += chunk.length;
    if (waited >= period) {
      if (bytes < (rate * waited) / 1000) {
        const message = `${bytes} bytes in ${Math.round(waited / 1000)} seconds`;
        throw Object.assign(new Error(message), { code: "UND_ERR_BODY_TIMEOUT" });
      }
      [waited, bytes] = [0, 0];
    }
    yield chunk;
    since = performance.now();
  }
}

/** Bytes of a body; one of unknown size is sent in the chunks of RFC 9112, 7.1. */
function bodySize(body: HttpBody): number | undefined {
  return body instanceof Uint8Array ? body.length : body.size;
}

function openBody(body: HttpBody): Uint8Array | Readable {
  return body instanceof Uint8Array ? body : Readable.from(body.open(), { objectMode: false });
}
