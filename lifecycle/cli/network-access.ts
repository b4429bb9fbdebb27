import type { Context } from "../context.ts";
import { InputError } from "../errors.ts";
import type { Env } from "../platform/machine.ts";
import type { NetworkAccess } from "../platform/tools.ts";
import { extraCertificates, keychainFrom, openRegistries, proxiesFrom } from "./registry-access.ts";

/**
 * Registries, proxies and certificates as the environment names them. Throws `INVALID_ENV`, and
 * `INVALID_ARGUMENTS` for an insecure registry that is no host. `uploads`: blobs that are sent at a time.
 */
export function networkAccess(
  env: Env,
  insecureRegistries: readonly string[],
  ctx: Context,
  uploads?: number,
): NetworkAccess {
  checkInsecureRegistries(insecureRegistries);
  const keychain = keychainFrom(env, ctx);
  const ca = extraCertificates(env);
  return {
    registries: openRegistries({ env, insecureRegistries, ctx, keychain, uploads, ca }),
    keychain,
    proxy: proxiesFrom(env),
    certificates: ca ?? extraCertificates({ SSL_CERT_FILE: env["NODE_EXTRA_CA_CERTS"] }),
  };
}

/** Insecure registries are hosts or their repositories: an address would never fit, and so do nothing. Throws `INVALID_ARGUMENTS`. */
export function checkInsecureRegistries(given: readonly string[]): void {
  checkForm(given, "--insecure-registry", /^[^/]+(?:\/[a-z0-9._/-]+)?$/, "HOST[:PORT] or HOST[:PORT]/REPOSITORY");
}

/** Registries are hosts. Throws `INVALID_ARGUMENTS`. */
export function checkRegistryHosts(given: readonly string[], source: string): void {
  checkForm(given, source, /^[^/]+$/, "HOST[:PORT]");
}

function checkForm(given: readonly string[], source: string, form: RegExp, expected: string): void {
  const host = /^(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:\/|$)/;
  const issues = given
    .filter((text) => !form.test(text) || !host.test(text))
    .map((text) => ({
      ...{ source, path: "", expected: `${expected}, without a scheme` },
      got: JSON.stringify(text.replace(/\/\/[^/]*@/, "//")),
    }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "registries can not be read", issues);
}
