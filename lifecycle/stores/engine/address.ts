import { maskedAddress } from "../../addresses.ts";
import { InputError } from "../../errors.ts";

/** Certificates of a connection to an engine, in PEM. */
export interface EngineTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the engine's certificate has to be one that is trusted. */
  readonly verify: boolean;
}

/** Where an engine listens. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly tls: EngineTls | undefined };

/** Where Docker listens when nobody says otherwise. */
export const defaultEngineHost = "unix:///var/run/docker.sock";

/** An engine's address for messages, in quotes, without user name and password. */
export function quotedHost(text: string): string {
  return JSON.stringify(maskedAddress(text));
}

/**
 * Reads an engine's address as `DOCKER_HOST` has it: `unix:///path` or `tcp://host:port`. Certificates
 * make a connection over TCP one over TLS. Throws `INVALID_ENV`; `source` says where the text came from.
 */
export function parseEngineHost(text: string, tls?: EngineTls, source = "env DOCKER_HOST"): EngineAddress {
  const unix = /^unix:\/\/(\/.*)$/.exec(text)?.[1];
  if (unix !== undefined) return { kind: "unix", path: unix };
  const tcp = /^(?:tcp|https?):\/\/([^/@?#\s]+:\d{1,5})\/?$/.exec(text)?.[1];
  if (tcp !== undefined) return { kind: "tcp", host: tcp, tls: tls ?? defaultTls(text) };
  // A user and a password in the address stay out of the message.
  const got = quotedHost(text);
  const issue = { source, path: "", expected: "unix:///path/to/docker.sock or tcp://host:port", got };
  throw new InputError("INVALID_ENV", "the address of the container engine can not be used", [issue], {
    hint: "forward the engine's socket to a file on this machine (ssh -L) and name that file",
  });
}

function defaultTls(text: string): EngineTls | undefined {
  return text.startsWith("https:") ? { verify: true } : undefined;
}

/** The address as messages say it. */
export function addressName(address: EngineAddress): string {
  return address.kind === "unix" ? `unix://${address.path}` : `tcp://${address.host}`;
}
