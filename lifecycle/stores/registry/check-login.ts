import { authenticating } from "./auth.ts";
import type { ClientOptions } from "./client.ts";
import { endpointFinder } from "./endpoint.ts";
import { compose, discard } from "./http.ts";
import { logging } from "./log.ts";
import { redirecting } from "./redirect.ts";
import { responseError } from "./remote-error.ts";
import { defaultRetry, retrying } from "./retry.ts";
import { wire } from "./wire.ts";

/** How a registry answered who we are. */
export interface LoginAnswer {
  /** `https://host:port`. */
  readonly origin: string;
  /** False: the registry asks nobody who they are, so a password could not be checked. */
  readonly asksWho: boolean;
}

/**
 * Asks a registry for its `/v2/` resource with what the keychain knows of it, which is how a
 * password is checked without naming a repository. Throws `UNAUTHORIZED`, `FORBIDDEN`,
 * `REGISTRY_UNREACHABLE`, `REGISTRY_ERROR`. Distribution specification, determining support.
 */
export async function checkLogin(registry: string, options: ClientOptions): Promise<LoginAnswer> {
  const { keychain, logger, signal, insecureRegistries } = options;
  const retry = options.retry ?? defaultRetry;
  const connection = wire(options);
  const log = logging(logger);
  const plain = compose([retrying(retry), log, redirecting], connection);
  const endpoint = endpointFinder(plain);
  const auth = authenticating({ keychain, endpoint, send: plain, signal });
  const send = compose([retrying(retry), auth, log, redirecting], connection);
  const insecure = insecureRegistries.includes(registry) ? registry : undefined;
  const shared = { side: "source", signal, insecure } as const;
  const { origin, challenges } = await endpoint(registry, shared);
  const request = {
    ...shared,
    method: "GET",
    url: new URL("/v2/", origin),
    headers: {},
    registry,
    scopes: [],
  } as const;
  const response = await send(request);
  if (response.status !== 200) throw await responseError(request, response, `logging in to ${registry}`);
  await discard(response);
  return { origin, asksWho: challenges.length > 0 };
}
