import { TspackError } from "../../errors.ts";
import { checkLogin } from "../../stores/registry/check-login.ts";
import type { ClientOptions } from "../../stores/registry/client.ts";
import type { Finding } from "./finding.ts";

/** Milliseconds for each registry. */
const patience = 15_000;

/** Whether registries answer, and whether they take the credentials that are stored for them. */
export async function registryFindings(
  registries: readonly string[],
  options: ClientOptions,
): Promise<readonly Finding[]> {
  if (registries.length === 0) {
    const detail = "none is named by a login or a setting; --registry HOST checks one";
    return [{ area: "registry", name: "any", state: "ok", detail }];
  }
  return Promise.all(registries.map((registry) => registryFinding(registry, options)));
}

async function registryFinding(registry: string, options: ClientOptions): Promise<Finding> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(patience)]);
  try {
    const credential = await options.keychain.resolve(registry);
    const { origin, asksWho } = await checkLogin(registry, { ...options, signal });
    const who =
      credential === undefined ? "anonymous" : asksWho ? "the credential is taken" : "it asks for no credential";
    return { area: "registry", name: registry, state: "ok", detail: `${origin} answers; ${who}` };
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    const isLate = error.code === "CANCELED" && !options.signal.aborted;
    const detail = isLate ? `no answer in ${patience / 1000} s` : error.message;
    return { area: "registry", name: registry, state: "warning", detail, remedy: remedyOf(error, registry) };
  }
}

function remedyOf(error: TspackError, registry: string): string {
  if (error.code === "UNAUTHORIZED" || error.code === "FORBIDDEN")
    return `log in: tspack login ${registry} -u NAME --password-stdin`;
  return error.hint ?? "check the name, the network and the proxy";
}
