import type { Context } from "../../context.ts";
import type { RemoteError } from "../../errors.ts";
import { TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import { dockerHub, type ImageRef, repositoryName } from "../../oci/reference.ts";
import { type EngineConnection, engineError, printable } from "../../stores/engine/connection.ts";
import type { Credential, Keychain } from "../../stores/store.ts";

/** An image as an engine describes it, as far as a build needs it. */
export interface EngineImageFacts {
  readonly id: string;
  readonly os: string;
  readonly architecture: string;
  readonly env: readonly string[];
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Lowest first. */
  readonly diffIds: readonly string[];
}

/** Asks the engine for an image by name or ID; undefined when it is not there. Throws `ENGINE_ERROR`. */
export async function inspectImage(engine: EngineConnection, name: string): Promise<EngineImageFacts | undefined> {
  const answer = (await engine.json({ method: "GET", path: `/images/${name}/json` })) as Inspected | undefined;
  if (answer === undefined) return undefined;
  const { Id: id = "", Os: os = "", Architecture: architecture = "", Config: config } = answer;
  return {
    id,
    os,
    architecture,
    env: config?.Env ?? [],
    user: config?.User ?? "",
    labels: config?.Labels ?? {},
    diffIds: answer.RootFS?.Layers ?? [],
  };
}

interface Inspected {
  readonly Id?: string;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | null } | null;
  readonly Config?: {
    readonly Env?: readonly string[] | null;
    readonly User?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
}

/** The name by which an engine knows an image: Docker Hub has another host there, and a tag is always said. */
export function engineName(ref: ImageRef): string {
  const repository = ref.registry === dockerHub ? `docker.io/${ref.repository}` : repositoryName(ref);
  return ref.digest === undefined ? `${repository}:${ref.tag ?? "latest"}` : `${repository}@${ref.digest}`;
}

/** What pulling needs besides the name. */
export interface PullOptions {
  readonly keychain: Keychain;
  /** Which image of an index; the engine's own platform when absent. */
  readonly platform: Platform | undefined;
  readonly ctx: Context;
}

/**
 * Lets the engine fetch an image from its registry. Throws `IMAGE_NOT_FOUND`, `UNAUTHORIZED`,
 * `ENGINE_ERROR` with what the engine says, `CANCELED`.
 */
export async function pullImage(
  engine: EngineConnection,
  ref: ImageRef,
  { keychain, platform, ctx }: PullOptions,
): Promise<void> {
  const name = engineName(ref);
  const query = new URLSearchParams({ fromImage: name });
  if (platform !== undefined) query.set("platform", platformText(platform));
  const auth = authHeader(await keychain.resolve(ref.registry), ref.registry);
  const request = {
    method: "POST",
    path: `/images/create?${query.toString()}`,
    headers: auth === undefined ? {} : { "x-registry-auth": auth },
    signal: ctx.signal,
  } as const;
  const step = ctx.progress.start(`Pulling ${name}`, { unit: "items" });
  try {
    const response = await engine.request(request);
    if (response.status >= 400) throw refusedPull(name, await engineError(engine.name, request, response));
    for await (const line of jsonLines(response.body)) {
      const { error } = line as { readonly error?: unknown };
      if (typeof error === "string") throw pullError(name, error);
    }
  } finally {
    step.done();
  }
}

function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

function refusedPull(name: string, cause: RemoteError): TspackError {
  return pullError(name, cause.message, cause);
}

function pullError(name: string, said: string, cause?: Error): TspackError {
  const reason = printable(said);
  if (/not found|manifest unknown|no such image|name unknown/i.test(reason)) {
    return new TspackError("IMAGE_NOT_FOUND", `the container engine could not pull ${name}: ${reason}`, {
      cause,
      hint: "check the name; --pull-policy never uses only what the engine has",
    });
  }
  if (/unauthorized|denied|authentication required/i.test(reason)) {
    return new TspackError("UNAUTHORIZED", `the container engine may not pull ${name}: ${reason}`, {
      cause,
      hint: "log in to its registry (docker login), or set CNB_REGISTRY_AUTH",
    });
  }
  return new TspackError("ENGINE_ERROR", `the container engine could not pull ${name}: ${reason}`, {
    cause,
    hint: "is the registry reachable from where the engine runs? An engine needs to be told of insecure registries itself",
  });
}

/** The header in which an engine takes credentials; undefined when there are none. */
export function authHeader(credential: Credential | undefined, registry: string): string | undefined {
  if (credential === undefined) return undefined;
  const serveraddress = registry;
  return base64Url({ serveraddress, ...authFields(credential) });
}

function authFields(credential: Credential): Readonly<Record<string, string>> {
  switch (credential.kind) {
    case "basic":
      return { username: credential.username, password: credential.password };
    case "token":
      return { identitytoken: credential.identityToken };
    case "header": {
      const [scheme = "", value = ""] = credential.authorization.split(/\s+/);
      if (scheme.toLowerCase() === "bearer") return { registrytoken: value };
      const [username = "", ...password] = Buffer.from(value, "base64").toString("utf8").split(":");
      return { username, password: password.join(":") };
    }
  }
}

function base64Url(document: object): string {
  return Buffer.from(JSON.stringify(document)).toString("base64url");
}

async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<object, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield parsed(line);
  }
  if (rest.trim() !== "") yield parsed(rest);
}

/** A line that is no JSON is for people only. */
function parsed(line: string): object {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
