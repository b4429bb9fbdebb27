import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../errors.ts";
import { certificateDirectories, dockerConfigPath } from "../../stores/docker-places.ts";
import type { Env } from "../machine.ts";

/**
 * What other processes of this user could read of our credentials, one sentence each: a readable
 * Docker config or client key, another process that was started with them, or this one unless it is
 * `guarded`. To be asked when privileges are dropped.
 */
export function exposedCredentials(env: Env, { guarded }: { readonly guarded: boolean }): readonly string[] {
  const config = dockerConfigPath(env);
  return [
    ...(config !== undefined && hasSecrets(config)
      ? [`Buildpacks can read the registry credentials in ${config}; give them in CNB_REGISTRY_AUTH instead`]
      : []),
    ...readableKeys(certificateDirectories(env)).map((key) => `Buildpacks can read the client key ${key}`),
    ...exposedVariable(env["CNB_REGISTRY_AUTH"] ?? "", guarded),
  ];
}

function exposedVariable(secret: string, guarded: boolean): readonly string[] {
  if (secret === "" || secret === "{}") return [];
  const others = [String(process.ppid), "1"];
  const pid = (guarded ? others : ["self", ...others]).find((one) => environmentHas(one, secret));
  if (pid === undefined) return [];
  const who = pid === "self" ? "this process, which has no guard" : `process ${pid}`;
  return [`Buildpacks can read CNB_REGISTRY_AUTH in the environment of ${who} (user ${process.getuid?.() ?? "?"})`];
}

function hasSecrets(config: string): boolean {
  return isReadable(config) && /"(auth|identitytoken|registrytoken|password)"\s*:\s*"[^"]/.test(textOf(config));
}

function textOf(file: string): string {
  return attempt(() => readFileSync(file, "utf8")) ?? "";
}

function readableKeys(directories: readonly string[]): readonly string[] {
  const files = directories.flatMap((directory) =>
    (attempt(() => readdirSync(directory, { recursive: true, encoding: "utf8" })) ?? []).map((name) =>
      join(directory, name),
    ),
  );
  return files.filter((file) => file.endsWith(".key") && isReadable(file));
}

function isReadable(file: string): boolean {
  return attempt(() => (accessSync(file, constants.R_OK), true)) ?? false;
}

function environmentHas(pid: string, secret: string): boolean {
  const path = `/proc/${pid}/environ`;
  try {
    return existsSync(path) && readFileSync(path).includes(secret);
  } catch (error) {
    if (["EACCES", "EPERM", "ENOENT", "ESRCH"].includes(errorCode(error) ?? "")) return false;
    throw error;
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
