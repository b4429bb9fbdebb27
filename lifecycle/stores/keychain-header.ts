import type { Credential } from "./store.ts";

/**
 * Reads one value of `CNB_REGISTRY_AUTH`: `Basic …`, `Bearer …`, or `X-Identity …`, the form
 * in which platforms hand over identity tokens. Undefined for anything else.
 */
export function credentialFromHeader(header: string): Credential | undefined {
  const match = /^(basic|bearer|x-identity) +(\S+)$/i.exec(header.trim());
  if (match === null) return undefined;
  const [, scheme = "", value = ""] = match;
  switch (scheme.toLowerCase()) {
    case "basic":
      return credentialFromBasic(value);
    case "bearer":
      return { kind: "header", authorization: `Bearer ${value}` };
    default:
      return { kind: "token", identityToken: value };
  }
}

/** Reads base64 of `user:password`; undefined when it is not that. */
export function credentialFromBasic(value: string): Credential | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) return undefined;
  const plain = Buffer.from(value, "base64").toString("utf8");
  const colon = plain.indexOf(":");
  if (colon < 0) return undefined;
  // Some writers pad with NULs.
  const password = plain.slice(colon + 1).replace(/\0+$/, "");
  return { kind: "basic", username: plain.slice(0, colon), password };
}

/** Writes a credential as a value of `CNB_REGISTRY_AUTH`. */
export function headerFromCredential(credential: Credential): string {
  if (credential.kind === "header") return credential.authorization;
  if (credential.kind === "token") return `X-Identity ${credential.identityToken}`;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}
