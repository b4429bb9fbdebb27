import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** A certificate that is its own CA, and its key, as files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Makes `NAME.pem` and `NAME-key.pem` in a directory with the program openssl. */
export function makeCertificate(directory: string, name: string): CertificateFiles {
  const files = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}-key.pem`) };
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1"];
  const output = ["-keyout", files.key, "-out", files.cert];
  execFileSync("openssl", ["req", ...kind, ...names, ...output], { stdio: "ignore" });
  return files;
}
