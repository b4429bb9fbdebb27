import { readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode, InputError } from "../../errors.ts";
import { parseSecretJson } from "../../stores/keychain-json.ts";
import { canonicalRegistry, registryOfKey } from "../../stores/keychain.ts";
import { withLock } from "../../stores/layout/lock.ts";
import { privateDirectory } from "../places.ts";
import { replaceFile } from "../private-file.ts";

/** Docker's `config.json` as it is; keys that are not known here are kept. */
export type DockerConfigDocument = Readonly<Record<string, unknown>>;

/** The key under which Docker keeps what belongs to a registry. */
export function serverKey(registry: string): string {
  return canonicalRegistry(registry) === "index.docker.io" ? "https://index.docker.io/v1/" : registry.toLowerCase();
}

/** The program that keeps the passwords of a registry: `docker-credential-NAME`; undefined: the file itself. */
export function helperFor(document: DockerConfigDocument, registry: string): string | undefined {
  const own = Object.entries(tableOf(document, "credHelpers")).find(
    ([key, value]) => registryOfKey(key) === canonicalRegistry(registry) && typeof value === "string" && value !== "",
  )?.[1];
  const name = own ?? document["credsStore"];
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** The keys of `auths` that mean a registry, in whatever way they are spelled. */
export function keysOf(document: DockerConfigDocument, registry: string): readonly string[] {
  return Object.keys(tableOf(document, "auths")).filter((key) => registryOfKey(key) === canonicalRegistry(registry));
}

/** The registries that the file is about. */
export function registriesOf(document: DockerConfigDocument): readonly string[] {
  const keys = [...Object.keys(tableOf(document, "auths")), ...Object.keys(tableOf(document, "credHelpers"))];
  return [...new Set(keys.flatMap((key) => registryOfKey(key) ?? []))];
}

/** The document with one entry for a registry in `auths`, or with none. */
export function withEntry(
  document: DockerConfigDocument,
  registry: string,
  entry: object | undefined,
): DockerConfigDocument {
  const old = keysOf(document, registry);
  const others = Object.entries(tableOf(document, "auths")).filter(([key]) => !old.includes(key));
  const own = entry === undefined ? [] : [[serverKey(registry), entry] as const];
  return { ...document, auths: Object.fromEntries([...others, ...own]) };
}

/** Reads the file; an empty document without it. Throws `INVALID_JSON` that quotes nothing of it. */
export async function readDockerConfigFile(path: string): Promise<DockerConfigDocument> {
  const document = parseSecretJson(await textOf(path), path, "INVALID_JSON");
  if (isTable(document)) return document;
  const issue = {
    source: path,
    path: "",
    expected: "an object",
    got: Array.isArray(document) ? "an array" : typeof document,
  };
  throw new InputError("INVALID_JSON", `${path} is no Docker configuration`, [issue]);
}

async function textOf(path: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    return text.trim() === "" ? "{}" : text;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "{}";
    throw error;
  }
}

/**
 * Changes the file in one step: nobody sees half of it, it is its owner's alone afterwards, and
 * who changes it at the same time waits. Throws `INVALID_JSON` for a file that is broken already.
 */
export async function editDockerConfig(
  path: string,
  change: (document: DockerConfigDocument) => DockerConfigDocument | Promise<DockerConfigDocument>,
): Promise<void> {
  await privateDirectory(dirname(path));
  await withLock(`${path}.tspack-lock`, async () => {
    const document = await change(await readDockerConfigFile(path));
    const file = await realpath(path).catch(() => path);
    // Docker indents by tabs: those who keep the file in a repository see small changes.
    await replaceFile(file, `${JSON.stringify(document, undefined, "\t")}\n`);
  });
}

function tableOf(document: DockerConfigDocument, key: string): Readonly<Record<string, unknown>> {
  const value = document[key];
  return isTable(value) ? value : {};
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
