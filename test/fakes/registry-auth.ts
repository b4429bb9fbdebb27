import type { IncomingMessage, ServerResponse } from "node:http";

/** How a fake registry checks who asks. */
export type FakeAuth =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** Tokens from `/token`, for the right password or for anonymous pulls. */
  | {
      readonly kind: "bearer";
      readonly username: string;
      readonly password: string;
      readonly anonymousPull?: boolean;
      /** Also accepted as `refresh_token`. */
      readonly identityToken?: string;
      /** Requests that one token is good for; unlimited when absent. */
      readonly uses?: number;
    };

/** The state of one fake registry's authentication. */
export interface FakeAuthState {
  readonly auth: FakeAuth;
  readonly issued: Map<string, { scopes: readonly string[]; uses: number }>;
  counter: number;
}

/** The header for a user and a password. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** The challenge to answer with, or undefined when the request may go on. */
export function challengeFor(state: FakeAuthState, request: IncomingMessage, host: string): string | undefined {
  const { auth } = state;
  const given = request.headers.authorization ?? "";
  if (auth.kind === "none") return undefined;
  if (auth.kind === "basic") return given === basic(auth.username, auth.password) ? undefined : 'Basic realm="fake"';
  const wanted = scopeOf(request);
  const token = state.issued.get(given.replace(/^Bearer /, ""));
  const enough = wanted === undefined || (token?.scopes.some((scope) => covers(scope, wanted)) ?? false);
  if (token !== undefined && token.uses > 0 && enough) {
    token.uses -= 1;
    return undefined;
  }
  const scope = wanted === undefined ? "" : `,scope="${wanted}"`;
  return `Bearer realm="http://${host}/token",service="fake"${scope}`;
}

function scopeOf(request: IncomingMessage): string | undefined {
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(request.url ?? "")?.[1];
  if (name === undefined) return undefined;
  const reading = request.method === "GET" || request.method === "HEAD";
  return `repository:${name}:${reading ? "pull" : "pull,push"}`;
}

function split(scope: string): readonly [name: string, actions: readonly string[]] {
  const at = scope.lastIndexOf(":");
  return [scope.slice(0, at), scope.slice(at + 1).split(",")];
}

function covers(scope: string, wanted: string): boolean {
  const [[name, actions], [wantedName, wantedActions]] = [split(scope), split(wanted)];
  return name === wantedName && wantedActions.every((action) => actions.includes(action));
}

/** Answers at `/token`. */
export function answerToken(
  state: FakeAuthState,
  request: IncomingMessage,
  response: ServerResponse,
  body: Uint8Array,
): void {
  const { auth } = state;
  if (auth.kind !== "bearer") return void response.writeHead(404).end();
  const url = new URL(request.url ?? "", "http://fake");
  const form = new URLSearchParams(Buffer.from(body).toString());
  const known =
    request.method === "POST"
      ? form.get("grant_type") === "refresh_token" && form.get("refresh_token") === auth.identityToken
      : request.headers.authorization === basic(auth.username, auth.password);
  const anonymous = request.method === "GET" && request.headers.authorization === undefined;
  if (!known && !(anonymous && auth.anonymousPull === true)) return void response.writeHead(401).end();
  const scopes = [...url.searchParams.getAll("scope"), ...(form.get("scope") ?? "").split(" ")].filter((s) => s !== "");
  const granted = known ? scopes : scopes.map((scope) => scope.replace(/:[^:]*$/, ":pull"));
  state.counter += 1;
  const token = `token-${state.counter}`;
  state.issued.set(token, { scopes: granted, uses: auth.uses ?? Number.POSITIVE_INFINITY });
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(request.method === "POST" ? { access_token: token } : { token, expires_in: 300 }));
}
