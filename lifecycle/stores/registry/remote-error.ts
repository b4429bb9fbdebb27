import { errorCode, RemoteError, TspackError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { readBody } from "./http.ts";

/** A URL without user, password, query and fragment, any of which may be a secret. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** One entry of the error body of the distribution specification. */
interface RegistryErrorEntry {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** The error that an unexpected answer means: `UNAUTHORIZED`, `FORBIDDEN`, `NOT_FOUND` or `REGISTRY_ERROR`. Reads the body. */
export async function responseError(request: HttpRequest, response: HttpResponse, what: string): Promise<RemoteError> {
  const entry = await registryError(response);
  const remoteCode = typeof entry?.code === "string" ? printable(entry.code) : undefined;
  const said = typeof entry?.message === "string" && entry.message !== "" ? `: ${printable(entry.message)}` : "";
  const { code, hint } = meaning(response.status, request.registry ?? response.url.host);
  const details = {
    status: response.status,
    method: request.method,
    url: redactUrl(response.url),
    remoteCode,
    side: request.side,
  };
  const answer = remoteCode === undefined ? `status ${response.status}` : `status ${response.status} ${remoteCode}`;
  return new RemoteError(code, `${what}: ${details.url} answered ${answer}${said}`, details, { hint });
}

/** Text of another machine, fit for a terminal and a log. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 300);
}

function meaning(status: number, registry: string): { readonly code: ErrorCode; readonly hint: string | undefined } {
  switch (status) {
    case 401:
      return {
        code: "UNAUTHORIZED",
        hint: `log in to ${registry}, or check the credentials that are configured for it`,
      };
    case 403:
      return { code: "FORBIDDEN", hint: `ask for access to this repository on ${registry}, or use other credentials` };
    case 404:
      return { code: "NOT_FOUND", hint: "check the name of the image" };
    case 413:
      return { code: "REGISTRY_ERROR", hint: "the registry, or a proxy before it, limits the size of uploads" };
    case 429:
      return { code: "REGISTRY_ERROR", hint: "the registry limits requests; wait, or log in for a higher limit" };
    default:
      return {
        code: "REGISTRY_ERROR",
        hint: status >= 500 ? "the registry has a problem; try again later" : undefined,
      };
  }
}

async function registryError(response: HttpResponse): Promise<RegistryErrorEntry | undefined> {
  try {
    const body = await readBody(response, 64 * 1024);
    const document = JSON.parse(Buffer.from(body ?? []).toString("utf8")) as { readonly errors?: unknown };
    return Array.isArray(document.errors) ? (document.errors[0] as RegistryErrorEntry | undefined) : undefined;
  } catch {
    // Proxies answer with pages, HEAD with nothing: the status has to do.
    return undefined;
  }
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check host and port, or start the registry",
  ENOTFOUND: "check the host's name and the network",
  EAI_AGAIN: "the host's name could not be looked up: check the network",
  UND_ERR_CONNECT_TIMEOUT: "check the network, or configure a proxy",
};
const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_TLS|HOSTNAME_MISMATCH/;

/** The error for a request that got no answer: `CANCELED` when it was aborted, else `REGISTRY_UNREACHABLE`. */
export function connectionError(request: HttpRequest, cause: unknown): TspackError {
  if (request.signal.aborted) return new TspackError("CANCELED", "stopped", { cause });
  if (cause instanceof TspackError) return cause;
  const code = connectionCode(cause) ?? "";
  const details = { status: undefined, method: request.method, url: redactUrl(request.url), side: request.side };
  const hint = wantsCertificate(request, code, cause) ? clientHint(request) : hintFor(code, request.url.host);
  const reason = code === "" ? String(cause instanceof Error ? cause.message : cause) : code;
  return new RemoteError("REGISTRY_UNREACHABLE", `no answer from ${request.url.host} (${reason})`, details, {
    cause,
    hint,
  });
}

/** By TLS 1.3 a server refuses a client after the handshake: an alert, or just an end before the first byte. */
function wantsCertificate({ url }: HttpRequest, code: string, cause: unknown): boolean {
  if (code.includes("_ALERT_")) return true;
  const socket = (cause as { readonly socket?: { readonly bytesRead?: unknown } | null } | undefined)?.socket;
  return url.protocol === "https:" && code === "UND_ERR_SOCKET" && socket?.bytesRead === 0;
}

function clientHint({ url: { host } }: HttpRequest): string {
  return `${host} ends connections before it answers: perhaps it wants a client certificate, NAME.cert with NAME.key in certs.d/${host} beside Docker's config.json`;
}

function hintFor(code: string, host: string): string {
  if (certificateCode.test(code)) {
    return `the certificate is not trusted: add its CA to certs.d/${host} or by SSL_CERT_FILE, or list the registry as insecure`;
  }
  return hints[code] ?? "check the network and the registry";
}

/** True when the other side was reached but its certificate is not trusted. */
export function isCertificateError(error: unknown): boolean {
  return certificateCode.test(connectionCode(error) ?? "");
}

/** The system's or undici's code of a failed connection, looked for in the causes and in aggregates too. */
export function connectionCode(error: unknown): string | undefined {
  if (error instanceof TspackError) return connectionCode(error.cause);
  const own = errorCode(error);
  if (own !== undefined) return own;
  if (error instanceof AggregateError) return error.errors.map(connectionCode).find((code) => code !== undefined);
  return error instanceof Error && error.cause !== undefined ? connectionCode(error.cause) : undefined;
}
