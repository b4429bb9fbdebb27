import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Logger } from "../logger.ts";
import { TspackError } from "../errors.ts";
import { credentialFromHelper, type HelperOptions } from "./keychain-helper.ts";
import { canonicalRegistry } from "./keychain.ts";
import type { Credential, Keychain } from "./store.ts";

/** What finding a cloud's helper takes. */
export interface CloudOptions extends HelperOptions {
  /** Directories in which helpers are looked for. Relative ones are left out: they could be the application's. */
  readonly path: readonly string[];
  readonly logger: Logger;
}

/** Registries of clouds, by whole host, and the helpers that these clouds give to people. */
const clouds: readonly { readonly host: RegExp; readonly helpers: readonly string[] }[] = [
  {
    host: /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.(?:com|com\.cn|eu)|on\.aws|on\.amazonwebservices\.com\.cn)$/,
    helpers: ["ecr-login"],
  },
  { host: /^public\.ecr\.aws$/, helpers: ["ecr-login"] },
  { host: /^[a-z0-9][a-z0-9-]*\.azurecr\.(?:io|cn|us|de)$/, helpers: ["acr-env"] },
  { host: /^(?:[a-z0-9][a-z0-9-]*\.)?gcr\.io$/, helpers: ["gcr", "gcloud"] },
  { host: /^[a-z0-9][a-z0-9-]*-docker\.pkg\.dev$/, helpers: ["gcr", "gcloud"] },
];

/** The names of the helpers for a registry of ECR, ACR, GCR or Artifact Registry, the preferred one first. */
export function cloudHelpers(registry: string): readonly string[] {
  // `$` alone would allow a line break at the end.
  const host = canonicalRegistry(registry);
  return /[^a-z0-9.-]/.test(host) ? [] : (clouds.find((cloud) => cloud.host.test(host))?.helpers ?? []);
}

/**
 * The keychain of registries of clouds: asks the cloud's helper when it is installed, although
 * nobody has configured it. That is a guess: when the helper fails, it is logged at debug level
 * and the registry is used anonymously. Throws `CANCELED` only.
 */
export function cloudKeychain({ path, logger, ...options }: CloudOptions): Keychain {
  const ask = async (registry: string): Promise<Credential | undefined> => {
    for (const name of cloudHelpers(registry)) {
      const program = findProgram(`docker-credential-${name}`, path);
      if (program === undefined) continue;
      try {
        return await credentialFromHelper(name, registry, {
          ...options,
          timeout: options.timeout ?? 10_000,
          program,
        });
      } catch (error) {
        if (!(error instanceof TspackError) || error.code !== "CREDENTIAL_HELPER_FAILED") throw error;
        logger.debug(`${registry} is used without credentials: ${error.message}`);
      }
    }
    return undefined;
  };
  // Helpers run once, before buildpacks of the same user do.
  const known = new Map<string, Promise<Credential | undefined>>();
  return {
    resolve(registry) {
      const credential = known.get(registry) ?? ask(registry);
      known.set(registry, credential);
      return credential;
    },
  };
}

function findProgram(name: string, path: readonly string[]): string | undefined {
  return path
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
