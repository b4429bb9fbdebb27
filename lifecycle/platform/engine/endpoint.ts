import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import { defaultEngineHost, type EngineAddress, parseEngineHost } from "../../stores/engine/address.ts";
import { engineTlsFrom, readEngineTls } from "../../stores/engine/tls-files.ts";
import type { Env } from "../machine.ts";

/** An engine on another machine, reached through the `ssh` program. */
export interface SshEndpoint {
  readonly kind: "ssh";
  readonly user: string | undefined;
  readonly host: string;
  readonly port: string | undefined;
  /** The engine's socket there; its usual one when absent. */
  readonly socket: string | undefined;
}

/** Where the engine is, and who said so. */
export interface EngineEndpoint {
  readonly address: EngineAddress | SshEndpoint;
  /** `env DOCKER_HOST`, `context work`, `found`. */
  readonly source: string;
}

/**
 * The engine that the person uses, as Docker's own program finds it: `DOCKER_HOST`, else
 * `DOCKER_CONTEXT`, else the context that is in use, else the first usual socket that is there, of
 * Docker or of Podman, of root or of the user. Throws `INVALID_ENV`.
 */
export function findEngine(env: Env, usual: readonly string[] = usualSockets(env)): EngineEndpoint {
  const host = env["DOCKER_HOST"] ?? "";
  if (host !== "") return { address: readHost(host, env), source: "env DOCKER_HOST" };
  const chosen = env["DOCKER_CONTEXT"] ?? "";
  const context = chosen === "" ? currentContext(env) : chosen;
  if (context !== undefined && context !== "default") {
    return { address: contextAddress(context, env), source: `context ${context}` };
  }
  const found = usual.find((path) => existsSync(path));
  const address: EngineAddress =
    found === undefined ? parseEngineHost(defaultEngineHost) : { kind: "unix", path: found };
  return { address, source: "found" };
}

/** Sockets where engines listen unless they are told otherwise, in the order in which they are tried. */
export function usualSockets(env: Env): readonly string[] {
  const own = env["XDG_RUNTIME_DIR"] ?? "";
  return [
    "/var/run/docker.sock",
    ...(own === "" ? [] : [join(own, "docker.sock"), join(own, "podman/podman.sock")]),
    "/run/podman/podman.sock",
  ];
}

function readHost(host: string, env: Env): EngineEndpoint["address"] {
  if (host.startsWith("ssh://")) return parseSsh(host, "env DOCKER_HOST");
  return parseEngineHost(host, host.startsWith("unix:") ? undefined : engineTlsFrom(env));
}

/** Reads `ssh://[user@]host[:port][/path/to/socket]`. No part can be an option of `ssh`. Throws `INVALID_ENV`. */
export function parseSsh(text: string, source: string): SshEndpoint {
  const parts = /^ssh:\/\/(?:([\w.][\w.-]*)@)?([A-Za-z0-9][\w.-]*|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?(\/[\w./-]*)?$/.exec(
    text,
  );
  const [, user, host, port, path = ""] = parts ?? [];
  if (host !== undefined && !path.split("/").includes("..")) {
    const socket = path === "" || path === "/" ? undefined : path;
    return { kind: "ssh", user, host: host.replace(/^\[|\]$/g, ""), port, socket };
  }
  const got = JSON.stringify(text.replace(/:[^/]*@/, ":***@"));
  const issue = { source, path: "", expected: "ssh://user@host:port, without a password", got };
  throw new InputError("INVALID_ENV", "the address of the container engine can not be used", [issue], {
    hint: "keys and passwords are asked for by ssh itself: use a key and an ssh-agent",
  });
}

function dockerDirectory(env: Env): string {
  const given = env["DOCKER_CONFIG"] ?? "";
  return given === "" ? join(env["HOME"] ?? "/", ".docker") : given;
}

function currentContext(env: Env): string | undefined {
  const document = readDocument(join(dockerDirectory(env), "config.json"));
  const name = (document as { readonly currentContext?: unknown } | undefined)?.currentContext;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Docker keeps contexts in directories that are named after the hash of the context's name. */
function contextAddress(name: string, env: Env): EngineEndpoint["address"] {
  const id = createHash("sha256").update(name).digest("hex");
  const contexts = join(dockerDirectory(env), "contexts");
  const file = join(contexts, "meta", id, "meta.json");
  const endpoint = (readDocument(file) as ContextDocument | undefined)?.Endpoints?.docker;
  const source = `context ${name}`;
  if (typeof endpoint?.Host !== "string") {
    const issue = { source, path: "", expected: `a context with an engine, in ${file}`, got: "none" };
    throw new InputError("INVALID_ENV", `there is no Docker context ${JSON.stringify(name)}`, [issue], {
      hint: "docker context ls shows the contexts; unset DOCKER_CONTEXT, or set DOCKER_HOST",
    });
  }
  const host = endpoint.Host;
  if (host.startsWith("ssh://")) return parseSsh(host, source);
  const tls = join(contexts, "tls", id, "docker");
  const verify = endpoint.SkipTLSVerify !== true;
  const isTls = !host.startsWith("unix:") && (existsSync(tls) || !verify);
  return parseEngineHost(host, isTls ? readEngineTls(tls, verify, source) : undefined, source);
}

interface ContextDocument {
  readonly Endpoints?: { readonly docker?: { readonly Host?: unknown; readonly SkipTLSVerify?: unknown } };
}

function readDocument(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw new TspackError("INVALID_ENV", `${file} can not be read`, {
      cause,
      hint: "correct it, or say where the engine is with DOCKER_HOST",
    });
  }
}
