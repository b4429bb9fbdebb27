import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";

/** Files of service bindings, by the binding's name and their own. Platform specification, "Bindings". */
export type Bindings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What buildpacks are told by the platform. */
export interface PlatformDirectoryInputs {
  readonly env: Readonly<Record<string, string>>;
  /** Certificates in PEM that this machine trusts. */
  readonly certificates: string | undefined;
  /** Bindings of tspack's own; those of the person come as volumes. */
  readonly bindings?: Bindings | undefined;
  /** Whether a volume stands for all bindings: nothing can be put there then. */
  readonly bindingsMounted?: boolean | undefined;
}

/** Variables by which tools learn of a file with certificates. */
const certificateVariables = [
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
];

/**
 * Writes the `<platform>` directory: a file per variable below `env/`, and the certificates of
 * this machine where downloads find them. Platform specification, "User-provided variables".
 * Throws `INVALID_ENV` for names that can not be files.
 */
export async function writePlatformDirectory(
  { path: directory, name }: Place,
  { env, certificates, bindings = {}, bindingsMounted = false }: PlatformDirectoryInputs,
): Promise<void> {
  const bad = Object.keys(env).filter((key) => !/^[^/=\0]+$/.test(key) || key === "." || key === "..");
  if (bad.length > 0) {
    const issues = bad.map((key) => ({
      source: "--env",
      path: "",
      expected: "a name without / and =",
      got: JSON.stringify(key),
    }));
    throw new InputError("INVALID_ENV", "variables for the build have names that can not be used", issues);
  }
  const variables = { ...(await certificateEnvironment({ path: directory, name }, certificates)), ...env };
  await mkdir(join(directory, "env"), { recursive: true, mode: 0o755 });
  if (!bindingsMounted) await mkdir(join(directory, "bindings"), { mode: 0o755 });
  for (const [binding, files] of Object.entries(bindings)) {
    const path = join(directory, "bindings", binding);
    await mkdir(path, { mode: 0o755 });
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text, { mode: 0o644 });
  }
  await Promise.all(
    Object.entries(variables).map(([key, value]) => writeFile(join(directory, "env", key), value, { mode: 0o644 })),
  );
}

async function certificateEnvironment(
  { path, name }: Place,
  certificates: string | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (certificates === undefined) return {};
  await mkdir(join(path, "certificates"), { recursive: true, mode: 0o755 });
  await writeFile(join(path, "certificates/ca-certificates.crt"), certificates, { mode: 0o644 });
  return Object.fromEntries(
    certificateVariables.map((variable) => [variable, `${name}/certificates/ca-certificates.crt`]),
  );
}
