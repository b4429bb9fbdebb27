import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withoutCredentials } from "../../addresses.ts";
import type { Env } from "../machine.ts";
import type { Places } from "../places.ts";

/** The registry of the npm configuration; nothing where npm is not installed. */
export async function npmVariables(env: Env, places: Places, cwd: string): Promise<Readonly<Record<string, string>>> {
  const registry =
    env["NPM_CONFIG_REGISTRY"] ?? env["npm_config_registry"] ?? (await configuredRegistry(env, places, cwd));
  if (registry === undefined || !/^https?:\/\//.test(registry)) return {};
  return { NPM_CONFIG_REGISTRY: withoutCredentials(registry) };
}

/** Asking npm takes a quarter of a second, so its answer is kept until one of its files changes. */
async function configuredRegistry(env: Env, places: Places, cwd: string): Promise<string | undefined> {
  const files = [
    join(cwd, ".npmrc"),
    ...(env["HOME"] === undefined ? [] : [join(env["HOME"], ".npmrc")]),
    "/etc/npmrc",
    "/usr/etc/npmrc",
  ];
  const state = files.map((file) => (existsSync(file) ? `${file} ${statSync(file).mtimeMs}` : file));
  const key = createHash("sha256")
    .update(JSON.stringify([state, env["PATH"]]))
    .digest("hex")
    .slice(0, 32);
  const kept = join(places.downloads, "npm-registry", key);
  if (existsSync(kept)) return readFileSync(kept, "utf8").trim();
  const registry = await askNpm(cwd);
  if (registry === undefined) return undefined;
  await mkdir(dirname(kept), { recursive: true, mode: 0o700 });
  await writeFile(kept, `${registry}\n`, { mode: 0o600 });
  return registry;
}

async function askNpm(cwd: string): Promise<string | undefined> {
  const { execa } = await import("execa");
  const { stdout, failed } = await execa("npm", ["config", "get", "registry"], {
    cwd,
    reject: false,
    stdin: "ignore",
    timeout: 20_000,
  });
  const answer = stdout.trim();
  return failed || answer === "" || answer === "undefined" ? undefined : answer;
}
