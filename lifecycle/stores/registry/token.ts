import { RemoteError } from "../../errors.ts";
import type { Credential } from "../store.ts";
import type { Challenge } from "./challenge.ts";
import type { Endpoint } from "./endpoint.ts";
import { readBody } from "./http.ts";
import type { Dispatch, HttpRequest } from "./http.ts";
import { redactUrl, responseError } from "./remote-error.ts";

/** A bearer token with the time when it is no longer used. */
export interface Token {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** What a token is asked for. */
export interface TokenQuestion {
  readonly endpoint: Endpoint;
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
}

/**
 * Gets a token from the realm that a registry names: by `GET` with the password or anonymously,
 * by `POST` with an identity token. Throws `UNAUTHORIZED`, `FORBIDDEN`, `REGISTRY_ERROR`,
 * `REGISTRY_UNREACHABLE`. Distribution project, token authentication and OAuth2.
 */
export async function fetchToken(
  send: Dispatch,
  question: TokenQuestion,
  request: Pick<HttpRequest, "side" | "signal" | "insecure">,
): Promise<Token> {
  const realm = realmUrl(question, request);
  const asked = tokenRequest(question, realm, request);
  const response = await send(asked);
  if (response.status !== 200) {
    throw await responseError(asked, response, `getting a token for ${question.endpoint.registry}`);
  }
  const token = decodeToken(await readBody(response, 1024 * 1024));
  if (token !== undefined) return token;
  const details = { status: 200, method: asked.method, url: redactUrl(realm), side: request.side };
  throw new RemoteError("REGISTRY_ERROR", `${details.url} answered without a token`, details);
}

function realmUrl({ endpoint, challenge }: TokenQuestion, request: Pick<HttpRequest, "side">): URL {
  const realm = challenge.parameters["realm"] ?? "";
  const url = URL.canParse(realm, endpoint.origin) ? new URL(realm, endpoint.origin) : undefined;
  // A registry on HTTPS may not make us send a password over plain HTTP.
  const downgrade = endpoint.origin.startsWith("https:") && url?.protocol !== "https:";
  if (url !== undefined && /^https?:$/.test(url.protocol) && !downgrade) return url;
  const details = { status: 401, method: "GET", url: `${endpoint.origin}/v2/`, side: request.side };
  const message = `${endpoint.registry} names a token service that is not used: ${JSON.stringify(realm)}`;
  throw new RemoteError("REGISTRY_ERROR", message, details);
}

function tokenRequest(
  { endpoint, challenge, scopes, credential }: TokenQuestion,
  realm: URL,
  { side, signal, insecure }: Pick<HttpRequest, "side" | "signal" | "insecure">,
): HttpRequest {
  const service = challenge.parameters["service"];
  const common = { side, signal, insecure, registry: endpoint.registry };
  if (credential?.kind === "token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "tspack",
      scope: scopes.join(" "),
      refresh_token: credential.identityToken,
    });
    if (service !== undefined) form.set("service", service);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { ...common, method: "POST", url: realm, headers, body: new TextEncoder().encode(form.toString()) };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const headers = credential?.kind === "basic" ? { authorization: basicHeader(credential) } : {};
  return { ...common, method: "GET", url, headers: { accept: "application/json", ...headers } };
}

/** The `Authorization` header of a user name and a password. RFC 7617. */
export function basicHeader(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}

function decodeToken(body: Uint8Array | undefined): Token | undefined {
  try {
    const text = Buffer.from(body ?? []).toString("utf8");
    const document = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const value = [document["token"], document["access_token"]].find((one) => typeof one === "string" && one !== "");
    const seconds = typeof document["expires_in"] === "number" ? document["expires_in"] : 60;
    // Ten seconds early, so that it does not run out on the way.
    const lifetime = Math.max(seconds - 10, 5) * 1000;
    return typeof value === "string" ? { value, expires: Date.now() + lifetime } : undefined;
  } catch {
    return undefined;
  }
}
