import { InputError } from "../../errors.ts";
import { quotedHost } from "../../stores/engine/address.ts";
import type { Env } from "../machine.ts";
import type { OpenEngine } from "./open-engine.ts";
import type { DaemonAccess } from "./phase-containers.ts";

const usualSocket = "/var/run/docker.sock";

/**
 * How phases in containers reach the engine that they write the image to. `given` is
 * `--docker-host`: an address, or `inherit` for that of `DOCKER_HOST`. Absent: the socket that we
 * use ourselves, as the engine's machine has it. Throws `INVALID_ARGUMENTS`.
 */
export function daemonAccess(
  given: string | undefined,
  env: Env,
  { socket }: Pick<OpenEngine, "socket">,
): DaemonAccess {
  const named = given === "inherit" ? (env["DOCKER_HOST"] ?? "") : (given ?? "");
  if (named === "") return { socket: given === undefined ? (socket ?? usualSocket) : usualSocket, address: undefined };
  const path = /^(?:unix:\/\/)?(\/[^:,\0\n]*)$/.exec(named)?.[1];
  if (path !== undefined) return { socket: path, address: undefined };
  if (/^tcp:\/\/[^/@?#\s]+:\d{1,5}\/?$/.test(named)) return { socket: undefined, address: named };
  if (given === "inherit" && named.startsWith("ssh://")) return { socket: socket ?? usualSocket, address: undefined };
  const got = quotedHost(named);
  const issue = {
    source: "--docker-host",
    path: "",
    expected: "unix:///path/to/socket, tcp://host:port or inherit",
    got,
  };
  throw new InputError("INVALID_ARGUMENTS", "containers can not be given this address of an engine", [issue]);
}
