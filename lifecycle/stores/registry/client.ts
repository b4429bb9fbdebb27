import { compose, unlessAborted } from "./http.ts";
import type { HttpBody, HttpResponse, Method } from "./http.ts";
import { authenticating } from "./auth.ts";
import { endpointFinder } from "./endpoint.ts";
import { logging } from "./log.ts";
import { redirecting } from "./redirect.ts";
import { defaultRetry, retrying } from "./retry.ts";
import type { RetryOptions } from "./retry.ts";
import { wire } from "./wire.ts";
import type { WireOptions } from "./wire.ts";
import type { Keychain } from "../store.ts";
import type { RemoteDetails } from "../../errors.ts";
import type { Logger } from "../../logger.ts";

/** What a client of registries is made of. */
export interface ClientOptions extends WireOptions {
  readonly keychain: Keychain;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Hosts (with port), or repositories and what is below, that may be asked without a checked certificate or over plain HTTP. */
  readonly insecureRegistries: readonly string[];
  readonly retry?: RetryOptions | undefined;
}

/** A request within one repository. */
export interface RepositoryRequest {
  readonly method: Method;
  /** Below the repository, `blobs/sha256:…`, or a whole URL that the registry gave. */
  readonly path: string | URL;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** Further scopes than the repository's own. */
  readonly scopes?: readonly string[];
  readonly repeatable?: boolean;
  /** Besides the client's own. */
  readonly signal?: AbortSignal | undefined;
}

/** One repository on one registry, read from or written to. */
export interface Repository {
  readonly registry: string;
  readonly name: string;
  readonly side: RemoteDetails["side"];
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
  send(request: RepositoryRequest): Promise<HttpResponse>;
}

/** Hands out repositories; endpoints, tokens and connections are shared. */
export interface Client {
  repository(registry: string, name: string, side: RemoteDetails["side"]): Repository;
}

/** Builds the transport. From the outside in: retry, auth, log, redirect, wire. */
export function registryClient(options: ClientOptions): Client {
  const retry = options.retry ?? defaultRetry;
  const connection = wire(options);
  // Each try is logged and authorized anew; a redirect never comes back to auth.
  const log = logging(options.logger);
  const plain = compose([retrying(retry), log, redirecting], connection);
  const endpoint = endpointFinder(plain);
  const auth = authenticating({ keychain: options.keychain, endpoint, send: plain, signal: options.signal });
  const send = compose([retrying(retry), auth, log, redirecting], connection);
  return {
    repository: (registry, name, side) => ({
      registry,
      name,
      side,
      retry,
      signal: options.signal,
      async send(request) {
        const signal =
          request.signal === undefined ? options.signal : AbortSignal.any([options.signal, request.signal]);
        const insecure = isInsecure(`${registry}/${name}`, options.insecureRegistries) ? registry : undefined;
        const found = endpoint(registry, { side, signal: options.signal, insecure });
        const { origin } = await unlessAborted(found, signal);
        return send({
          method: request.method,
          url: urlOf(origin, name, request),
          headers: request.headers ?? {},
          body: request.body,
          side,
          signal,
          registry,
          insecure,
          scopes: [`repository:${name}:${side === "source" ? "pull" : "pull,push"}`, ...(request.scopes ?? [])],
          repeatable: request.repeatable,
        });
      },
    }),
  };
}

/** Entries mean whole names: the reference also takes `host` for `host.elsewhere`, which nobody means. */
function isInsecure(repository: string, entries: readonly string[]): boolean {
  return entries
    .map((entry) => entry.replace(/\/+$/, ""))
    .some((entry) => repository === entry || repository.startsWith(`${entry}/`));
}

function urlOf(origin: string, repository: string, request: RepositoryRequest): URL {
  const { path } = request;
  const url = typeof path === "string" ? new URL(`/v2/${repository}/${path}`, origin) : new URL(path);
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.append(name, value);
  return url;
}
