import { dirname, join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** Where Docker's `config.json` is: in `DOCKER_CONFIG`, else in the home directory. */
export function dockerConfigPath(env: Env): string | undefined {
  const directory = env["DOCKER_CONFIG"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".docker"));
  return directory === undefined || directory === "" ? undefined : join(directory, "config.json");
}

/**
 * Where the CAs and client certificates of single registries are, in Docker's and Podman's places:
 * `certs.d` beside Docker's `config.json`, the person's own, and the machine's.
 */
export function certificateDirectories(env: Env): readonly string[] {
  const docker = dockerConfigPath(env);
  const home = (env["HOME"] ?? "") === "" ? undefined : join(env["HOME"] ?? "", ".config");
  const config = (env["XDG_CONFIG_HOME"] ?? "") === "" ? home : env["XDG_CONFIG_HOME"];
  return [
    ...(docker === undefined ? [] : [dirname(docker)]),
    ...(config === undefined ? [] : [join(config, "containers"), join(config, "docker")]),
    "/etc/containers",
    "/etc/docker",
  ].map((directory) => join(directory, "certs.d"));
}
