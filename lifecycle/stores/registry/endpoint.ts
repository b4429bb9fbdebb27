import { RemoteError } from "../../errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import { discard } from "./http.ts";
import type { Dispatch, HttpRequest } from "./http.ts";
import { isLoopback } from "./proxy.ts";
import { isCertificateError } from "./remote-error.ts";
import { isPassing } from "./retry.ts";

/** How a registry is reached and how it wants to be asked. */
export interface Endpoint {
  readonly registry: string;
  /** `https://host:port`. */
  readonly origin: string;
  /** Empty when the registry is open. */
  readonly challenges: readonly Challenge[];
}

/** Finds the endpoint of a registry by its `/v2/` resource. */
export type FindEndpoint = (registry: string, request: Asker) => Promise<Endpoint>;

type Asker = Pick<HttpRequest, "side" | "signal" | "insecure">;

/**
 * Asks each registry once. HTTPS only, except for this machine (plain HTTP first) and for
 * repositories listed as insecure (plain HTTP when HTTPS does not answer). Distribution
 * specification, determining support.
 */
export function endpointFinder(send: Dispatch): FindEndpoint {
  const known = new Map<string, Promise<Endpoint>>();
  return (registry, request) => {
    const insecure = request.insecure === registry;
    const key = `${registry} ${String(insecure)}`;
    const endpoint = known.get(key) ?? probe(send, registry, schemes(registry, insecure), request);
    known.set(key, endpoint);
    // A failure is not remembered: the next question may have more luck.
    endpoint.catch(() => known.delete(key));
    return endpoint;
  };
}

function schemes(registry: string, insecure: boolean): readonly string[] {
  if (isLoopback(registry.replace(/:\d+$/, ""))) return ["http", "https"];
  return insecure ? ["https", "http"] : ["https"];
}

async function probe(send: Dispatch, registry: string, order: readonly string[], request: Asker): Promise<Endpoint> {
  const failures = new Map<string, unknown>();
  for (const [index, scheme] of order.entries()) {
    try {
      const endpoint = await ask(send, `${scheme}://${registry}`, request, index === order.length - 1);
      if (endpoint !== undefined) return { registry, ...endpoint };
    } catch (error) {
      if (request.signal.aborted) throw error;
      failures.set(scheme, error);
      if (!(error instanceof RemoteError)) break;
    }
  }
  const all = [...failures.values()];
  const untrusted = all.find(isCertificateError);
  const [scheme = ""] = order;
  // Nobody speaks the other scheme there, so what was lost at first may have been lost by chance.
  const lost = order.length > 1 && isPassing(failures.get(scheme)) && !isPassing(all.at(-1));
  if (lost && untrusted === undefined) {
    const endpoint = await ask(send, `${scheme}://${registry}`, request, true);
    if (endpoint !== undefined) return { registry, ...endpoint };
  }
  // The first failure tells more, except when the other scheme reached somebody.
  throw namingAll(untrusted ?? all[0], registry, order);
}

/** Milliseconds for the first answer, which costs a registry nothing: somebody waits who has perhaps mistyped a name. */
const patience = 15_000;

/** Asks at one address, patiently or once; undefined when TLS is spoken there and we do not. */
async function ask(
  send: Dispatch,
  address: string,
  request: Asker,
  patient: boolean,
): Promise<Omit<Endpoint, "registry"> | undefined> {
  const { origin } = new URL(address);
  const url = new URL("/v2/", origin);
  const asked = { ...request, method: "GET", url, headers: {}, repeatable: patient, patience } as const;
  const response = await send(asked);
  await discard(response);
  // 400 is how a TLS port answers plain HTTP.
  if (url.protocol === "http:" && response.status === 400) return undefined;
  return { origin, challenges: parseChallenges(response.headers["www-authenticate"] ?? "") };
}

/** Platforms look for the plain address in what is said of an insecure registry, also when TLS failed first. */
function namingAll(failure: unknown, registry: string, order: readonly string[]): unknown {
  if (!(failure instanceof RemoteError) || order.length === 1) return failure;
  const asked = order.map((scheme) => `${scheme}://${registry}/v2/`).join(" and ");
  const { code, message, remote, cause, hint } = failure;
  return new RemoteError(code, `${message}, asked at ${asked}`, remote, { cause, hint });
}
