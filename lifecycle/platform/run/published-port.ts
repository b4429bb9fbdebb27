import { isIP } from "node:net";
import { InputError, type InputIssue } from "../../errors.ts";

/** A port of the application that others reach by a port of this machine. */
export interface PublishedPort {
  /** The address to listen on; undefined: all of this machine. */
  readonly address: string | undefined;
  /** The port to listen on; 0: one that is free. */
  readonly host: number;
  /** The port that the application listens on. */
  readonly container: number;
}

/**
 * Reads `--publish [IP:][HOST:]CONTAINER[/tcp]`, an IPv6 address in brackets. Throws
 * `INVALID_ARGUMENTS` with every problem.
 */
export function readPublishedPorts(given: readonly string[]): readonly PublishedPort[] {
  const issues: InputIssue[] = [];
  const ports = given.flatMap((text) => {
    const read = readOne(text);
    if (typeof read !== "string") return [read];
    issues.push({ source: "--publish", path: "", expected: read, got: JSON.stringify(text) });
    return [];
  });
  for (const [index, { address, host }] of ports.entries()) {
    const before = ports.slice(0, index).some((other) => host !== 0 && other.host === host && meet(other, address));
    if (before)
      issues.push({ source: "--publish", path: "", expected: "each port of the machine once", got: `${host}` });
  }
  if (issues.length === 0) return ports;
  throw new InputError("INVALID_ARGUMENTS", "ports can not be published", issues, {
    hint: "for example --publish 8080:3000, or --publish 127.0.0.1::3000 for a free port",
  });
}

function meet(one: PublishedPort, address: string | undefined): boolean {
  return one.address === undefined || address === undefined || one.address === address;
}

/** What a text says, or what was expected instead. */
function readOne(text: string): PublishedPort | string {
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)??(?:([^:]*):)?([^:/]+)(?:\/(.*))?$/.exec(text);
  if (match === null) return "[IP:][HOST:]CONTAINER[/tcp]";
  const [, ip = "", host = "", container = "", protocol = "tcp"] = match;
  if (protocol !== "tcp") return "/tcp: other protocols are not forwarded";
  if (/^\d+-\d+$/.test(host) || /^\d+-\d+$/.test(container)) return "one port: give --publish once for each";
  const address = ip.replace(/^\[(.*)\]$/, "$1");
  if (address !== "" && isIP(address) === 0) return "an IP address of this machine before the ports";
  const ports = { host: host === "" ? 0 : portOf(host), container: portOf(container) };
  if (ports.host === undefined || ports.container === undefined || ports.container === 0)
    return "ports from 1 to 65535, of the machine also 0 for a free one";
  return { address: address === "" ? undefined : address, host: ports.host, container: ports.container };
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65536;
  return port > 65535 ? undefined : port;
}
