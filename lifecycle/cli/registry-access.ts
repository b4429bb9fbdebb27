import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { version } from "../distribution/version.ts";
import { errorCode, InputError, TspackError } from "../errors.ts";
import { certificateDirectories, dockerConfigPath } from "../stores/docker-places.ts";
import { cloudKeychain } from "../stores/keychain-cloud.ts";
import { dockerConfigKeychain } from "../stores/keychain-docker-config.ts";
import { registryAuthKeychain } from "../stores/keychain-registry-auth.ts";
import { combinedKeychain } from "../stores/keychain.ts";
import type { ClientOptions } from "../stores/registry/client.ts";
import type { ProxySettings } from "../stores/registry/proxy.ts";
import { type HostCertificates, hostCertificates } from "../stores/registry/host-certificates.ts";
import { registryStore, type RegistryStore } from "../stores/registry/registry-store.ts";
import type { Keychain } from "../stores/store.ts";
import type { Env } from "./phase-options.ts";
import { keepWasmPlain } from "./plain-wasm.ts";

/** What reaching registries takes besides the environment. */
export interface RegistryAccess {
  readonly env: Env;
  readonly insecureRegistries: readonly string[];
  readonly ctx: Context;
  /** What was read beforehand; the environment's own keychain when absent. */
  readonly keychain?: Keychain | undefined;
  /** In the same way. */
  readonly certificates?: HostCertificates | undefined;
  /** What `extraCertificates` read beforehand. */
  readonly ca?: string | undefined;
  /** Uploads at a time; the store's own number when absent. */
  readonly uploads?: number | undefined;
}

/** The registries as this process may use them: credentials, certificates and proxies from the environment. */
export function openRegistries(access: RegistryAccess): RegistryStore {
  return registryStore({ ...registryClientOptions(access), version, parallel: access.uploads });
}

/** How one registry is spoken to when it is not for images: with all that `openRegistries` has. */
export function registryClientOptions(access: RegistryAccess): ClientOptions {
  const { env, insecureRegistries, ctx, keychain, certificates, ca } = access;
  return {
    // Not yet: it loads a module of Node, and many runs ask no registry.
    beforeHttp: keepWasmPlain,
    keychain: keychain ?? keychainFrom(env, ctx),
    logger: ctx.logger,
    signal: ctx.signal,
    insecureRegistries,
    ca: ca ?? extraCertificates(env),
    certificates: certificates ?? hostCertificates(certificateDirectories(env)),
    proxy: proxiesFrom(env),
    userAgent: `tspack/${version}`,
  };
}

/**
 * `CNB_REGISTRY_AUTH` first, then Docker's `config.json` with its helpers, then the helper of the
 * cloud whose registry it is. Throws `CREDENTIAL_HELPER_FAILED`.
 */
export function keychainFrom(env: Env, ctx: Pick<Context, "logger" | "signal">): Keychain {
  return combinedKeychain([registryAuth(env), dockerConfig(env, ctx)]);
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

function dockerConfig(env: Env, { logger, signal }: Pick<Context, "logger" | "signal">): Keychain {
  const path = dockerConfigPath(env);
  const others = cloudKeychain({ path: (env["PATH"] ?? "").split(":"), logger, signal });
  return path === undefined ? others : dockerConfigKeychain(path, { signal, others });
}

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case. */
export function proxiesFrom(env: Env): ProxySettings {
  const read = (name: string): string | undefined => env[name] ?? env[name.toLowerCase()];
  return { http: read("HTTP_PROXY"), https: read("HTTPS_PROXY"), no: read("NO_PROXY") };
}

/**
 * Certificates that this machine trusts besides Node's own: `SSL_CERT_FILE`, and the files of the
 * directories of `SSL_CERT_DIR` that are called like certificates or like OpenSSL's links to them.
 * A directory that is not there holds none. Throws `INVALID_ENV` when a file can not be read.
 */
export function extraCertificates(env: Env): string | undefined {
  const file = env["SSL_CERT_FILE"];
  const own = file === undefined || file === "" ? [] : [readCertificates(file, "SSL_CERT_FILE")];
  const directories = (env["SSL_CERT_DIR"] ?? "").split(":").filter((name) => name !== "");
  const files = directories.flatMap(certificateFiles);
  // Links and bundles say the same again.
  const texts = new Set([...own, ...files.map((name) => readCertificates(name, "SSL_CERT_DIR"))]);
  return texts.size === 0 ? undefined : [...texts].join("\n");
}

function certificateFiles(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => /\.(?:pem|crt)$|^[0-9a-f]{8}\.\d+$/.test(name))
    .map((name) => join(directory, name))
    .filter((file) => existsSync(file));
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
