import { readFile, stat } from "node:fs/promises";
import { errorCode, InputError, TspackError } from "../errors.ts";
import type { InputIssue } from "../errors.ts";
import { credentialFromBasic } from "./keychain-header.ts";
import { credentialFromHelper } from "./keychain-helper.ts";
import type { HelperOptions } from "./keychain-helper.ts";
import { parseSecretJson } from "./keychain-json.ts";
import { anonymousKeychain, canonicalRegistry, registryOfKey } from "./keychain.ts";
import type { Credential, Keychain } from "./store.ts";

interface DockerConfig {
  /** By canonical registry. */
  readonly auths: ReadonlyMap<string, Credential>;
  /** Registry to the key as written, which helpers are asked for. */
  readonly keys: ReadonlyMap<string, string>;
  readonly helpers: ReadonlyMap<string, string>;
  /** Registries that some entry is about, even one that says that there is no credential. */
  readonly named: ReadonlySet<string>;
  readonly store: string | undefined;
}

/** How a Docker config is used. */
export interface DockerConfigOptions extends HelperOptions {
  /** Asked for registries that the file does not name and its store does not know. */
  readonly others?: Keychain | undefined;
}

/**
 * The keychain of Docker's `config.json`, read at the first question: `credHelpers`, then
 * `credsStore`, then `auths`, by exact host. A missing file knows nobody. Throws
 * `INVALID_JSON` with line and column for a broken file and `CREDENTIAL_HELPER_FAILED`, also for
 * a file that may not be read.
 */
export function dockerConfigKeychain(path: string, options: DockerConfigOptions = {}): Keychain {
  let config: Promise<DockerConfig> | undefined;
  const resolved = new Map<string, Promise<Credential | undefined>>();
  const lookup = async (registry: string): Promise<Credential | undefined> => {
    config ??= readDockerConfig(path);
    const { others = anonymousKeychain, ...how } = options;
    const read = await config;
    const credential = await fromConfig(read, registry, how);
    return credential === undefined && !read.named.has(registry) ? others.resolve(registry) : credential;
  };
  return {
    resolve(name) {
      const registry = canonicalRegistry(name);
      const known = resolved.get(registry) ?? lookup(registry);
      resolved.set(registry, known);
      return known;
    },
  };
}

async function fromConfig(
  config: DockerConfig,
  registry: string,
  options: HelperOptions,
): Promise<Credential | undefined> {
  const server = registry === "index.docker.io" ? "https://index.docker.io/v1/" : registry;
  const helper = config.helpers.get(registry);
  if (helper !== undefined) return credentialFromHelper(helper, server, options);
  const stored = config.auths.get(registry);
  if (config.store === undefined) return stored;
  return (await credentialFromHelper(config.store, config.keys.get(registry) ?? server, options)) ?? stored;
}

async function readDockerConfig(path: string): Promise<DockerConfig> {
  try {
    return decodeDockerConfig(await readFile(path, "utf8"), path);
  } catch (error) {
    // A home directory that is somebody else's (`HOME=/root`) knows nobody either.
    if (errorCode(error) === "EACCES" && (await exists(path))) throw unreadable(path, error);
    if (!["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(error) ?? "")) throw error;
    return { auths: new Map(), keys: new Map(), helpers: new Map(), named: new Set(), store: undefined };
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function unreadable(path: string, cause: unknown): TspackError {
  return new TspackError("CREDENTIAL_HELPER_FAILED", `${path} can not be read: permission denied`, {
    cause,
    hint: "make it readable for this user, or set DOCKER_CONFIG or CNB_REGISTRY_AUTH",
  });
}

function decodeDockerConfig(text: string, source: string): DockerConfig {
  const issues: InputIssue[] = [];
  const wrong = (path: string, expected: string, value: unknown): void => {
    issues.push({ source, path, expected, got: value === null ? "null" : typeof value });
  };
  const table = (path: string, value: unknown): readonly (readonly [string, unknown])[] => {
    if (value === undefined || value === null) return [];
    if (typeof value === "object" && !Array.isArray(value)) return Object.entries(value);
    wrong(path, "an object", value);
    return [];
  };
  const document = Object.fromEntries(table("", parseSecretJson(text, source, "INVALID_JSON")));

  const auths = new Map<string, Credential>();
  const keys = new Map<string, string>();
  for (const [key, value] of table("auths", document["auths"])) {
    const registry = registryOfKey(key);
    const entry = Object.fromEntries(table(`auths.${key}`, value));
    const credential = credentialOfEntry(entry, (field) => wrong(`auths.${key}.${field}`, entryForm, entry[field]));
    if (registry === undefined) continue;
    keys.set(registry, key);
    if (credential !== undefined) auths.set(registry, credential);
  }
  const helpers = new Map<string, string>();
  const named = new Set(keys.keys());
  for (const [key, value] of table("credHelpers", document["credHelpers"])) {
    const registry = registryOfKey(key);
    if (typeof value !== "string") wrong(`credHelpers.${key}`, "the name of a helper", value);
    else if (registry !== undefined) {
      named.add(registry);
      if (value !== "") helpers.set(registry, value);
    }
  }
  const store = document["credsStore"];
  if (store !== undefined && typeof store !== "string") wrong("credsStore", "the name of a helper", store);
  if (issues.length > 0) {
    const message = `${issues.length} problem${issues.length > 1 ? "s" : ""} in ${source}`;
    throw new InputError("INVALID_JSON", message, issues, { hint: "log in again with docker login or podman login" });
  }
  return { auths, keys, helpers, named, store: typeof store === "string" && store !== "" ? store : undefined };
}

const entryForm = "text; auth is base64 of user:password";

function credentialOfEntry(
  entry: Readonly<Record<string, unknown>>,
  wrong: (field: string) => void,
): Credential | undefined {
  const text = (field: string): string => {
    const value = entry[field] ?? "";
    if (typeof value === "string") return value;
    wrong(field);
    return "";
  };
  const [identityToken, registryToken, auth] = [text("identitytoken"), text("registrytoken"), text("auth")];
  const [username, password] = [text("username"), text("password")];
  if (identityToken !== "") return { kind: "token", identityToken };
  if (registryToken !== "") return { kind: "header", authorization: `Bearer ${registryToken}` };
  if (auth !== "") {
    const credential = credentialFromBasic(auth);
    if (credential === undefined) wrong("auth");
    return credential;
  }
  return username === "" ? undefined : { kind: "basic", username, password };
}
