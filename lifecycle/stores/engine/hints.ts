const start = "start Docker or Podman, or set DOCKER_HOST to its socket";

const known: Readonly<Record<string, string>> = {
  ENOENT: start,
  ECONNREFUSED: start,
  EACCES: "this user may not use the engine's socket: run as a user who may, or set DOCKER_HOST to another",
  ENOTFOUND: "there is no machine of this name: correct DOCKER_HOST or the Docker context",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the engine's certificate is for another name: use a name that it has, in DOCKER_HOST or the Docker context",
  CERT_HAS_EXPIRED: "the engine's certificate has expired: whoever runs the engine has to renew it",
  ERR_SSL_WRONG_VERSION_NUMBER:
    "the engine does not speak TLS at this port: unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or use its other port",
};

const untrusted =
  "the engine's certificate is not signed by the ca.pem in DOCKER_CERT_PATH, or of the Docker context: put the engine's CA there";
const refusedClient =
  "the engine wants a client certificate that it trusts: put cert.pem and key.pem of its CA beside ca.pem, in DOCKER_CERT_PATH or the Docker context";

/**
 * What to do when there is no answer from an engine, by the code of the system, of TLS or of OpenSSL.
 * `isStranger`: nothing was ever answered over this connection with TLS.
 */
export function unreachableHint(reason: string, isStranger = false): string {
  const hint = known[reason];
  if (hint !== undefined) return hint;
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|CERT_SIGNATURE/.test(reason)) return untrusted;
  // Alerts of a server that turned the client's certificate, or the lack of one, down.
  if (/ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|HANDSHAKE_FAILURE)/.test(reason))
    return refusedClient;
  if (isStranger && /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/.test(reason)) return `it hung up: ${refusedClient}`;
  if (reason.startsWith("ERR_OSSL"))
    return "the certificates for the engine are damaged, or cert.pem and key.pem do not fit";
  return "check that the engine runs and DOCKER_HOST names it";
}
