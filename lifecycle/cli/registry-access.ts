import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { version } from "../distribution/version.ts";
import { errorCode, InputError, TspackError } from "../errors.ts";
import { dockerConfigKeychain } from "../stores/keychain-docker-config.ts";
import { registryAuthKeychain } from "../stores/keychain-registry-auth.ts";
import { anonymousKeychain, combinedKeychain } from "../stores/keychain.ts";
import type { ProxySettings } from "../stores/registry/proxy.ts";
import { registryStore, type RegistryStore } from "../stores/registry/registry-store.ts";
import type { Keychain } from "../stores/store.ts";
import type { Env } from "./phase-options.ts";

/** What reaching registries takes besides the environment. */
export interface RegistryAccess {
  readonly env: Env;
  readonly insecureRegistries: readonly string[];
  readonly ctx: Context;
  /** What was read beforehand; the environment's own keychain when absent. */
  readonly keychain?: Keychain | undefined;
}

/** The registries as this process may use them: credentials, certificates and proxies from the environment. */
export function openRegistries({ env, insecureRegistries, ctx, keychain }: RegistryAccess): RegistryStore {
  const logger = ctx.logger;
  const ca = extraCertificates(env);
  return registryStore({
    keychain: keychain ?? keychainFrom(env, ctx.signal),
    logger,
    signal: ctx.signal,
    insecureRegistries,
    ca,
    proxy: proxiesFrom(env),
    version,
  });
}

/** `CNB_REGISTRY_AUTH` first, then Docker's `config.json` with its helpers. Throws `INVALID_ENV`. */
export function keychainFrom(env: Env, signal?: AbortSignal): Keychain {
  return combinedKeychain([registryAuth(env), dockerConfig(env, signal)]);
}

function registryAuth(env: Env): Keychain {
  try {
    return registryAuthKeychain(env["CNB_REGISTRY_AUTH"] ?? "");
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const reason = "failed to resolve keychain: reading auth env var: failed to parse CNB_REGISTRY_AUTH value";
    throw new TspackError("CREDENTIAL_HELPER_FAILED", `${reason}: ${cause.message}`, { cause, hint: cause.hint });
  }
}

function dockerConfig(env: Env, signal?: AbortSignal): Keychain {
  const path = dockerConfigPath(env);
  return path === undefined ? anonymousKeychain : dockerConfigKeychain(path, { signal });
}

/** Where Docker's `config.json` is: in `DOCKER_CONFIG`, else in the home directory. */
export function dockerConfigPath(env: Env): string | undefined {
  const directory = env["DOCKER_CONFIG"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".docker"));
  return directory === undefined || directory === "" ? undefined : join(directory, "config.json");
}

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case. */
export function proxiesFrom(env: Env): ProxySettings {
  const read = (name: string): string | undefined => env[name] ?? env[name.toLowerCase()];
  return { http: read("HTTP_PROXY"), https: read("HTTPS_PROXY"), no: read("NO_PROXY") };
}

/**
 * Certificates that this machine trusts besides Node's own: `SSL_CERT_FILE`, else the PEM files
 * of `SSL_CERT_DIR`. Throws `INVALID_ENV` when a named file can not be read.
 */
export function extraCertificates(env: Env): string | undefined {
  const file = env["SSL_CERT_FILE"];
  if (file !== undefined && file !== "") return readCertificates(file, "SSL_CERT_FILE");
  const directories = (env["SSL_CERT_DIR"] ?? "").split(":").filter((name) => name !== "");
  const files = directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(".pem") || name.endsWith(".crt"))
      .map((name) => join(directory, name)),
  );
  return files.length === 0 ? undefined : files.map((name) => readCertificates(name, "SSL_CERT_DIR")).join("\n");
}

function readCertificates(file: string, variable: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const issue = {
      source: `env ${variable}`,
      path: "",
      expected: "a file with certificates in PEM",
      got: `${file} (${errorCode(cause) ?? "unreadable"})`,
    };
    throw new InputError("INVALID_ENV", `the certificates of ${variable} can not be read`, [issue], {
      cause,
      hint: `correct or unset ${variable}`,
    });
  }
}
