import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, InputError } from "../../errors.ts";

/** What connections to one host need besides the certificates that all trust. All in PEM. */
export interface HostTls {
  /** Certificates that are trusted for this host only. */
  readonly ca: readonly string[];
  /** Client certificates with their keys, in the same order. */
  readonly cert: readonly string[];
  readonly key: readonly string[];
}

/** Finds what belongs to a host, with its port unless that is 443; undefined when there is nothing. */
export type HostCertificates = (host: string) => Promise<HostTls | undefined>;

/**
 * Reads certificates from directories of the form that Docker and Podman share: a folder per
 * registry, named `HOST` or `HOST:PORT`, in which `*.crt` are CAs and `NAME.cert` with `NAME.key`
 * are a client certificate. The first directory that has a folder of the host's name counts
 * alone. Read when a host is first connected to, and then remembered. Throws `INVALID_ENV` with all
 * files that are missing, unreadable or no PEM.
 */
export function hostCertificates(directories: readonly string[]): HostCertificates {
  const known = new Map<string, Promise<HostTls | undefined>>();
  return (name) => {
    const host = name.toLowerCase();
    const found = known.get(host) ?? firstFolder(directories, folderNames(host));
    known.set(host, found);
    return found;
  };
}

const dockerHub: readonly string[] = ["index.docker.io", "registry-1.docker.io"];

/** A name that is a path, such as `..`, has no folder. */
function folderNames(host: string): readonly string[] {
  if (!/^[a-z0-9[]/.test(host) || host.includes("/")) return [];
  const other = dockerHub.includes(host) ? ["docker.io"] : [];
  return [host, ...other, ...(/:\d+$/.test(host) ? [] : [`${host}:443`])];
}

async function firstFolder(directories: readonly string[], names: readonly string[]): Promise<HostTls | undefined> {
  for (const folder of directories.flatMap((directory) => names.map((name) => join(directory, name)))) {
    try {
      return await readFolder(folder, await readdir(folder));
    } catch (error) {
      if (error instanceof InputError) throw error;
      // A home directory that is somebody else's has nothing for us.
      if (!["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(error) ?? "")) throw error;
    }
  }
  return undefined;
}

async function readFolder(folder: string, files: readonly string[]): Promise<HostTls> {
  const named = (end: string): readonly string[] => files.filter((file) => file.endsWith(end)).sort();
  const certs = named(".cert");
  const keys = named(".key");
  const issues = [
    ...certs.filter((file) => !keys.includes(keyOf(file))).map((file) => [keyOf(file), file] as const),
    ...keys.filter((file) => !certs.includes(certOf(file))).map((file) => [certOf(file), file] as const),
  ].map(([missing, file]) => ({
    source: join(folder, missing),
    path: "",
    expected: `a file for ${file}`,
    got: "none",
  }));
  if (issues.length > 0) throw unusable(folder, issues);
  const [ca, cert, key] = await Promise.all(
    [named(".crt"), certs, certs.map(keyOf)].map((list) => Promise.all(list.map((file) => readPem(folder, file)))),
  );
  const tls: HostTls = { ca: ca ?? [], cert: cert ?? [], key: key ?? [] };
  await check(folder, tls);
  return tls;
}

const keyOf = (file: string): string => file.replace(/\.cert$/, ".key");
const certOf = (file: string): string => file.replace(/\.key$/, ".cert");

async function readPem(folder: string, file: string): Promise<string> {
  const source = join(folder, file);
  try {
    return await readFile(source, "utf8");
  } catch (cause) {
    const got = errorCode(cause) ?? "unreadable";
    throw unusable(folder, [{ source, path: "", expected: "a file in PEM that can be read", got }], cause);
  }
}

/** Said here, where the files are known, instead of as a connection that failed. */
async function check(folder: string, { ca, cert, key }: HostTls): Promise<void> {
  // Loaded here because few hosts have a folder.
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ ca: [...ca], cert: [...cert], key: [...key] });
  } catch (cause) {
    const expected = "certificates in PEM, each with its own key and without a passphrase";
    throw unusable(folder, [{ source: folder, path: "", expected, got: errorCode(cause) ?? "others" }], cause);
  }
}

function unusable(folder: string, issues: ConstructorParameters<typeof InputError>[2], cause?: unknown): InputError {
  return new InputError("INVALID_ENV", `the certificates in ${folder} can not be used`, issues, {
    cause,
    hint: "the folder takes CAs as *.crt, and client certificates as NAME.cert with NAME.key; correct or remove it",
  });
}
