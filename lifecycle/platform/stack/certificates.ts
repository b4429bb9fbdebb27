import type { DebEntry } from "../debian/deb.ts";

const directory = "usr/share/ca-certificates/";
const bundle = "etc/ssl/certs/ca-certificates.crt";

/** Whether a file is one of the certificates that the bundle is made of. */
export function isCertificate(path: string): boolean {
  return path.startsWith(directory) && path.endsWith(".crt");
}

/**
 * What `update-ca-certificates` would make of the certificates: one bundle, and a link for each
 * of them. Sorted by path, so that the bundle's bytes follow from the packages.
 */
export function certificateEntries(certificates: ReadonlyMap<string, Buffer>): readonly DebEntry[] {
  const paths = [...certificates.keys()].sort();
  if (paths.length === 0) return [];
  const text = paths.map((path) => `${certificates.get(path)?.toString("latin1").trimEnd() ?? ""}\n`).join("");
  const links = paths.map((path): DebEntry => {
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.crt$/, ".pem");
    return { path: `etc/ssl/certs/${name}`, type: "symlink", mode: 0o777, uid: 0, gid: 0, linkname: `/${path}` };
  });
  const content = Buffer.from(text, "latin1");
  return [{ path: bundle, type: "file", mode: 0o644, uid: 0, gid: 0, content }, ...links];
}
