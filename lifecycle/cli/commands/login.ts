import { maskedAddress } from "../../addresses.ts";
import type { Readable } from "node:stream";
import { InputError, type InputIssue } from "../../errors.ts";
import { dockerHub } from "../../oci/reference.ts";
import {
  editDockerConfig,
  helperFor,
  keysOf,
  readDockerConfigFile,
  serverKey,
  withEntry,
} from "../../platform/login/docker-config-file.ts";
import { runCredentialProgram } from "../../platform/login/credential-program.ts";
import { dockerConfigPath } from "../../stores/docker-places.ts";
import { registryOfKey } from "../../stores/keychain.ts";
import { checkLogin } from "../../stores/registry/check-login.ts";
import type { Keychain } from "../../stores/store.ts";
import { registryClientOptions } from "../registry-access.ts";
import { type CommonOptions, commandContext, type TspackHost } from "../toolbox.ts";
import { checkInsecureRegistries } from "../network-access.ts";

/** Options of `tspack login`. */
export interface LoginOptions extends CommonOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly password?: string;
}

/**
 * `tspack login`: the registry is asked whether the password is right, and then it is kept where
 * Docker keeps it: by the credential helper that is configured, else in `config.json`.
 */
export async function login(host: TspackHost, [given]: readonly string[], options: LoginOptions): Promise<void> {
  const registry = registryArgument(given);
  checkInsecureRegistries(options.insecureRegistry ?? []);
  const username = requireOptions(options);
  const path = configPath(host);
  // A broken file is told before anybody has typed a password.
  const helper = helperFor(await readDockerConfigFile(path), registry);
  const password = await readPassword(host.stdin);
  const isKnown = await verify(host, registry, { username, password }, options);
  const server = serverKey(registry);
  if (helper !== undefined) await runCredentialProgram(helper, { kind: "store", server, username, password }, host.env);
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  // Beside a helper the entry says only that there is one.
  await editDockerConfig(path, (document) => withEntry(document, registry, helper === undefined ? { auth } : {}));
  if (options.quiet === true) return;
  const place = helper === undefined ? path : `docker-credential-${helper}`;
  if (!isKnown) host.stderr(`Warning: ${registry} asks nobody for a password; this one could not be checked\n`);
  host.stdout(`Logged in to ${registry} as ${username}; the password is kept in ${place}\n`);
}

/** `tspack logout`: forgets what is kept about a registry, wherever it is. */
export async function logout(host: TspackHost, [given]: readonly string[], options: CommonOptions): Promise<void> {
  const registry = registryArgument(given);
  const path = configPath(host);
  const document = await readDockerConfigFile(path);
  const helper = helperFor(document, registry);
  const keys = keysOf(document, registry);
  if (helper !== undefined)
    await runCredentialProgram(helper, { kind: "erase", server: keys[0] ?? serverKey(registry) }, host.env);
  if (keys.length > 0) await editDockerConfig(path, (now) => withEntry(now, registry, undefined));
  if (options.quiet === true) return;
  const isKnown = helper !== undefined || keys.length > 0;
  host.stdout(isKnown ? `Logged out of ${registry}\n` : `There is no password of ${registry} in ${path}\n`);
}

function registryArgument(given: string | undefined): string {
  if (given === undefined) return dockerHub;
  const registry = registryOfKey(given);
  if (registry !== undefined && /^[a-z0-9[][a-z0-9.:\]-]*$/.test(registry)) return registry;
  const got = JSON.stringify(maskedAddress(given));
  throw wrong([{ source: "registry", path: "", expected: "HOST[:PORT] of a registry", got }]);
}

function requireOptions({ username = "", passwordStdin = false, password }: LoginOptions): string {
  const issues: InputIssue[] = [];
  const add = (source: string, expected: string, got: string): void => {
    issues.push({ source, path: "", expected, got });
  };
  if (password !== undefined) {
    add(
      "--password",
      "--password-stdin: other processes and the shell's history see what is on the command line",
      "one",
    );
  }
  if (username === "") add("--username", "who you are at the registry: nothing is asked interactively", "nothing");
  else if (username.includes(":")) add("--username", "a name without a colon", JSON.stringify(username));
  if (!passwordStdin && password === undefined) add("--password-stdin", "the password on standard input", "nothing");
  if (issues.length > 0) throw wrong(issues);
  return username;
}

function wrong(issues: readonly InputIssue[]): InputError {
  return new InputError("INVALID_ARGUMENTS", "this is not how to log in; nothing was kept", issues, {
    hint: "tspack login registry.example.com -u NAME --password-stdin < FILE",
  });
}

/** No password and no token comes near it. In bytes. */
const longestPassword = 64 * 1024;

async function readPassword(stdin: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin ?? []) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > longestPassword) break;
    chunks.push(bytes);
  }
  const password = Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (password !== "" && size <= longestPassword && !/[\0\r\n]/.test(password)) return password;
  const got = password === "" ? "nothing" : "more than one line";
  throw wrong([{ source: "standard input", path: "", expected: "one line: the password or token", got }]);
}

function configPath({ env }: TspackHost): string {
  const path = dockerConfigPath(env);
  if (path !== undefined) return path;
  const issue = { source: "env HOME", path: "", expected: "a directory", got: "nothing" };
  throw new InputError("INVALID_ENV", "there is no place for Docker's config.json", [issue], {
    hint: "set HOME or DOCKER_CONFIG",
  });
}

/** Asks the registry; false: it asks nobody. */
async function verify(
  host: TspackHost,
  registry: string,
  who: { readonly username: string; readonly password: string },
  options: LoginOptions,
): Promise<boolean> {
  const keychain: Keychain = {
    resolve: (name) => Promise.resolve(name === registry ? { kind: "basic", ...who } : undefined),
  };
  const insecureRegistries = options.insecureRegistry ?? [];
  const access = { env: host.env, insecureRegistries, ctx: commandContext(host, options), keychain };
  const answer = await checkLogin(registry, registryClientOptions(access));
  return answer.asksWho;
}
