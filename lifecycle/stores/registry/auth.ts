import type { Credential, Keychain } from "../store.ts";
import { parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import type { Endpoint, FindEndpoint } from "./endpoint.ts";
import { discard, unlessAborted } from "./http.ts";
import type { Dispatch, HttpRequest, HttpResponse, Interceptor } from "./http.ts";
import { basicHeader, fetchToken } from "./token.ts";
import type { Token } from "./token.ts";

/** What the auth interceptor works with. */
export interface AuthOptions {
  readonly keychain: Keychain;
  readonly endpoint: FindEndpoint;
  /** Asks token services: without this interceptor, with the others. */
  readonly send: Dispatch;
  /** Ends questions that several requests wait for; one request's own signal does not. */
  readonly signal: AbortSignal;
}

/**
 * Says who asks, in the way that the registry wants it. Only requests to the registry's own
 * origin carry something: upload locations and redirects on other hosts do not. After a 401
 * the answer's own challenge is followed once, with a new token.
 */
export function authenticating(options: AuthOptions): Interceptor {
  const tokens = new Map<string, Promise<Token>>();
  return (next) => async (request) => {
    if (request.registry === undefined) return next(request);
    const shared = { side: request.side, signal: options.signal, insecure: request.insecure };
    const endpoint = await options.endpoint(request.registry, shared);
    if (request.url.origin !== endpoint.origin) return next(request);
    const credential = await options.keychain.resolve(request.registry);
    const authorize = async (challenges: readonly Challenge[], scopes: readonly string[]): Promise<HttpRequest> => {
      const who = { endpoint, credential, challenges, scopes };
      const authorization = await unlessAborted(authorizationFor(who, shared, options.send, tokens), request.signal);
      return authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
    };
    const scopes = request.scopes ?? [];
    const first = await authorize(endpoint.challenges, scopes);
    const response = await next(first);
    const again = response.status === 401 ? challengesOf(response, endpoint) : [];
    if (again.length === 0) return response;
    const wanted = wider(scopes, again);
    tokens.delete(tokenKey(endpoint, wanted));
    const second = await authorize(again, wanted);
    // The same answer to the same question would be no news.
    if (second.headers["authorization"] === first.headers["authorization"]) return response;
    await discard(response);
    return next(second);
  };
}

interface Who {
  readonly endpoint: Endpoint;
  readonly credential: Credential | undefined;
  readonly challenges: readonly Challenge[];
  readonly scopes: readonly string[];
}

async function authorizationFor(
  { endpoint, credential, challenges, scopes }: Who,
  request: Pick<HttpRequest, "side" | "signal" | "insecure">,
  send: Dispatch,
  tokens: Map<string, Promise<Token>>,
): Promise<string | undefined> {
  if (credential?.kind === "header") return credential.authorization;
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) {
    const key = tokenKey(endpoint, scopes);
    for (let known = tokens.get(key); known !== undefined; known = tokens.get(key)) {
      const { value, expires } = await known;
      if (expires > Date.now()) return `Bearer ${value}`;
      // Nothing may wait between this look and the new promise: only one asks for a new token.
      if (tokens.get(key) === known) tokens.delete(key);
    }
    const token = fetchToken(send, { endpoint, challenge: bearer, scopes, credential }, request);
    tokens.set(key, token);
    token.catch(() => tokens.delete(key));
    return `Bearer ${(await token).value}`;
  }
  const basic = challenges.some(({ scheme }) => scheme === "basic");
  return basic && credential?.kind === "basic" ? basicHeader(credential) : undefined;
}

function challengesOf(response: HttpResponse, endpoint: Endpoint): readonly Challenge[] {
  if (response.url.origin !== endpoint.origin) return [];
  return parseChallenges(response.headers["www-authenticate"] ?? "");
}

function wider(scopes: readonly string[], challenges: readonly Challenge[]): readonly string[] {
  const asked = challenges.flatMap(({ parameters }) => (parameters["scope"] ?? "").split(" "));
  return [...new Set([...scopes, ...asked])].filter((scope) => scope !== "");
}

function tokenKey(endpoint: Endpoint, scopes: readonly string[]): string {
  return `${endpoint.registry} ${[...scopes].sort().join(" ")}`;
}
