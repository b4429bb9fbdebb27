import type { Credential, Keychain } from "./store.ts";

const dockerHub = "index.docker.io";
const dockerHubNames: readonly string[] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * The host and port that a key of a credential file means: scheme, path `/v1/` or `/v2/` and
 * a trailing slash are dropped, Docker Hub's names are one. Undefined for a key with another
 * path: such a credential is for a part of a registry and must not be sent to all of it.
 */
export function registryOfKey(key: string): string | undefined {
  const match = /^(?:https?:\/\/)?([^/?#@\s]+)(?:\/(?:v[12]\/?)?)?$/i.exec(key);
  return match?.[1] === undefined ? undefined : canonicalRegistry(match[1]);
}

/** The one name under which credentials of a registry are compared. */
export function canonicalRegistry(registry: string): string {
  const host = registry.toLowerCase();
  return dockerHubNames.includes(host) ? dockerHub : host;
}

/** Asks one keychain after the other; the first that knows the registry wins. */
export function combinedKeychain(keychains: readonly Keychain[]): Keychain {
  return {
    async resolve(registry): Promise<Credential | undefined> {
      for (const keychain of keychains) {
        const credential = await keychain.resolve(registry);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

/** Knows nobody: every request is anonymous. */
export const anonymousKeychain: Keychain = { resolve: () => Promise.resolve(undefined) };
