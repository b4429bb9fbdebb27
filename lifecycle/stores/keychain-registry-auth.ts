import { InputError } from "../errors.ts";
import type { InputIssue } from "../errors.ts";
import { credentialFromHeader, headerFromCredential } from "./keychain-header.ts";
import { parseSecretJson } from "./keychain-json.ts";
import { canonicalRegistry } from "./keychain.ts";
import type { Credential, Keychain } from "./store.ts";

/**
 * The keychain of `CNB_REGISTRY_AUTH`: a JSON object from registry host to `Authorization`
 * header. An empty value knows nobody. Throws `INVALID_ENV` with all problems; values are
 * never quoted. Platform specification, registry authentication.
 */
export function registryAuthKeychain(value: string, source = "env CNB_REGISTRY_AUTH"): Keychain {
  const credentials = value.trim() === "" ? new Map<string, Credential>() : decode(value, source);
  return { resolve: (registry) => Promise.resolve(credentials.get(canonicalRegistry(registry))) };
}

function decode(value: string, source: string): ReadonlyMap<string, Credential> {
  const document = parseSecretJson(value, source, "INVALID_ENV");
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw invalid(source, [{ source, path: "", expected: "a JSON object from host to header", got: "another value" }]);
  }
  const issues: InputIssue[] = [];
  const credentials = new Map<string, Credential>();
  for (const [key, header] of Object.entries(document)) {
    const credential = typeof header === "string" ? credentialFromHeader(header) : undefined;
    // The reference drops scheme and path of a key here, whatever the path is.
    const host = key.replace(/^https?:\/\//i, "").split("/")[0] ?? "";
    if (host === "")
      issues.push({ source, path: JSON.stringify(shownKey(key)), expected: "a registry host", got: "none" });
    if (credential === undefined) {
      issues.push({
        source,
        path: shownKey(key),
        expected: '"Basic <base64 of user:password>", "Bearer <token>" or "X-Identity <token>"',
        got: typeof header === "string" ? "text of another form (not shown)" : typeof header,
      });
    } else credentials.set(canonicalRegistry(host), credential);
  }
  if (issues.length > 0) throw invalid(source, issues);
  return credentials;
}

/** Who swaps host and header has written the secret as a key. */
function shownKey(key: string): string {
  return /^[\w.:/[\]-]{0,255}$/.test(key) ? key : "a key that is no host (not shown)";
}

function invalid(source: string, issues: readonly InputIssue[]): InputError {
  return new InputError("INVALID_ENV", `${source} does not hold registry credentials`, issues, {
    hint: 'write it as {"registry.example.com": "Basic <base64 of user:password>"}',
  });
}

/** The value of `CNB_REGISTRY_AUTH` that gives another process the credentials of these registries. */
export async function registryAuthValue(keychain: Keychain, registries: readonly string[]): Promise<string> {
  const headers: Record<string, string> = {};
  for (const registry of [...new Set(registries)].sort()) {
    const credential = await keychain.resolve(registry);
    if (credential !== undefined) headers[registry] = headerFromCredential(credential);
  }
  return JSON.stringify(headers);
}
