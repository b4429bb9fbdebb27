import { RemoteError } from "../../errors.ts";
import type { HttpRequest, HttpResponse, Interceptor } from "./http.ts";
import { discard } from "./http.ts";
import { redactUrl } from "./remote-error.ts";

const most = 10;

/**
 * Follows redirects. What identifies us stays behind when the origin changes, and nobody may
 * lead us from HTTPS to HTTP.
 */
export const redirecting: Interceptor = (next) => async (request) => {
  let current = request;
  for (let hop = 0; hop <= most; hop += 1) {
    const response = await next(current);
    const target = redirectTarget(current, response);
    if (target === undefined) return response;
    await discard(response);
    current = follow(current, target);
  }
  throw refused(request, `more than ${most} redirects`);
};

function redirectTarget(request: HttpRequest, response: HttpResponse): URL | undefined {
  const location = response.headers["location"];
  const reading = request.method === "GET" || request.method === "HEAD";
  const statuses = reading ? [301, 302, 303, 307, 308] : [307, 308];
  if (location === undefined || !statuses.includes(response.status)) return undefined;
  if (!URL.canParse(location, request.url.href)) throw refused(request, "a redirect to something that is no URL");
  const target = new URL(location, request.url);
  // A form to a token service has the identity token in it; blobs are sent as streams of octets.
  const isForm = request.headers["content-type"] === "application/x-www-form-urlencoded";
  if (isForm && target.origin !== request.url.origin) throw refused(request, "a redirect of a credential elsewhere");
  const downgrade = request.url.protocol === "https:" && target.protocol !== "https:";
  if (downgrade || !/^https?:$/.test(target.protocol)) {
    throw refused(request, `a redirect to ${target.protocol.replace(":", "")}`);
  }
  return target;
}

function follow(request: HttpRequest, target: URL): HttpRequest {
  if (target.origin === request.url.origin) return { ...request, url: target };
  const { authorization: _dropped, cookie: _cookie, ...headers } = request.headers;
  return { ...request, url: target, headers };
}

function refused(request: HttpRequest, what: string): RemoteError {
  const details = { status: undefined, method: request.method, url: redactUrl(request.url), side: request.side };
  return new RemoteError("REGISTRY_ERROR", `${request.url.host} answered with ${what}, which is not followed`, details);
}
