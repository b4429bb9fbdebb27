import type { Context } from "../context.ts";
import type { Env } from "../platform/machine.ts";
import type { NetworkAccess } from "../platform/tools.ts";
import { extraCertificates, keychainFrom, openRegistries, proxiesFrom } from "./registry-access.ts";

/** Registries, proxies and certificates as the environment names them. Throws `INVALID_ENV`. */
export function networkAccess(env: Env, insecureRegistries: readonly string[], ctx: Context): NetworkAccess {
  const keychain = keychainFrom(env, ctx);
  return {
    registries: openRegistries({ env, insecureRegistries, ctx, keychain }),
    keychain,
    proxy: proxiesFrom(env),
    certificates: extraCertificates(env) ?? extraCertificates({ SSL_CERT_FILE: env["NODE_EXTRA_CA_CERTS"] }),
  };
}
