import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { createCleartextMessage, generateKey, readPrivateKey, sign } from "openpgp";
import { pack, type Header } from "tar-stream";

/** Files of a package by path. */
export type FakeFiles = Readonly<Record<string, string | (Partial<Header> & { readonly content?: string })>>;

/** A package to make; a file's value is its content, or a tar header with content. */
export interface FakePackage {
  readonly name: string;
  readonly version: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly files?: FakeFiles;
  readonly form?: "gz" | "xz";
}

/** A package with its bytes and its entry in the index. */
export interface FakeDeb {
  readonly path: string;
  readonly bytes: Buffer;
  readonly entry: string;
}

/** A key pair that archives are signed with. */
export interface FakeKey {
  readonly publicKey: string;
  readonly privateKey: string;
}

export async function makeKey(name: string): Promise<FakeKey> {
  const userIDs = [{ name, email: "archive@example.com" }];
  return generateKey({ type: "ecc", curve: "ed25519Legacy", userIDs, format: "armored" });
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An `ar` archive of members. */
export function makeAr(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [Buffer.from("!<arch>\n")];
  for (const [name, bytes] of Object.entries(members)) {
    const fields = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}`;
    parts.push(Buffer.from(`${fields}${String(bytes.length).padEnd(10)}\`\n`), Buffer.from(bytes));
    if (bytes.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

/** A tar of files, with the directories that lead to them, as dpkg-deb writes names. */
export async function makeTar(files: FakeFiles): Promise<Buffer> {
  const tar = pack();
  const made = new Set<string>();
  // The same package made a second later has the same hash.
  const mtime = new Date(1_700_000_000_000);
  for (const [path, file] of Object.entries(files)) {
    const parts = path.split("/").slice(0, -1);
    for (const [index] of parts.entries()) {
      const parent = parts.slice(0, index + 1).join("/");
      if (parent !== ".." && !made.has(parent))
        tar.entry({ name: `./${parent}/`, type: "directory", mode: 0o755, mtime });
      made.add(parent);
    }
    const { content = "", ...header } = typeof file === "string" ? { mode: 0o644, content: file } : file;
    tar.entry({ name: `./${path}`, mtime, ...header }, content);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function makeDeb(spec: FakePackage): Promise<FakeDeb> {
  const fields = { Package: spec.name, Version: spec.version, Architecture: "amd64", ...spec.fields };
  const control = `${lines(fields)}Description: a package\n with a second line\n`;
  const data = await makeTar(spec.files ?? {});
  const controlTar = gzipSync(await makeTar({ control, md5sums: `${"0".repeat(32)}  some/file\n` }));
  const { compress } = await import("@napi-rs/lzma/xz");
  const dataMember: Readonly<Record<string, Uint8Array>> =
    spec.form === "gz" ? { "data.tar.gz": gzipSync(data) } : { "data.tar.xz": await compress(data) };
  const bytes = makeAr({ "debian-binary": Buffer.from("2.0\n"), "control.tar.gz": controlTar, ...dataMember });
  const path = `pool/main/${spec.name}_${spec.version.replace(/:/g, "%3a")}_amd64.deb`;
  const entry = `${lines(fields)}Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
  return { path, bytes, entry };
}

function lines(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** What may be unusual about an archive. */
export interface FakeArchiveOptions {
  readonly suite?: string;
  readonly codename?: string;
  readonly validUntil?: string;
  readonly byHash?: boolean;
  readonly form?: "gz" | "xz";
  /** Lists the uncompressed index as well, without which apt takes none. */
  readonly forApt?: boolean;
}

/** All files of an archive with one suite, by their path. */
export async function makeArchive(
  debs: readonly FakeDeb[],
  key: FakeKey,
  options: FakeArchiveOptions = {},
): Promise<Map<string, Buffer>> {
  const { suite = "bookworm", codename = suite, form = "xz" } = options;
  const text = Buffer.from(debs.map((deb) => deb.entry).join("\n"));
  const { compress } = await import("@napi-rs/lzma/xz");
  const packages = form === "gz" ? gzipSync(text) : Buffer.from(await compress(text));
  const path = `main/binary-amd64/Packages.${form}`;
  const release = [
    `Codename: ${codename}`,
    "Date: Sat, 11 Jul 2026 10:16:37 UTC",
    ...(options.validUntil === undefined ? [] : [`Valid-Until: ${options.validUntil}`]),
    ...(options.byHash === true ? ["Acquire-By-Hash: yes"] : []),
    "SHA256:",
    ` ${sha256(packages)} ${packages.length} ${path}`,
    ...(options.forApt === true ? [` ${sha256(text)} ${text.length} main/binary-amd64/Packages`] : []),
    "",
  ].join("\n");
  const message = await createCleartextMessage({ text: release });
  const signingKeys = await readPrivateKey({ armoredKey: key.privateKey });
  const inRelease = Buffer.from(await sign({ message, signingKeys }));
  const served = options.byHash === true ? `main/binary-amd64/by-hash/SHA256/${sha256(packages)}` : path;
  return new Map([
    [`dists/${suite}/InRelease`, inRelease],
    [`dists/${suite}/${served}`, packages],
    ...debs.map((deb): [string, Buffer] => [deb.path, deb.bytes]),
  ]);
}

/** A mirror on this machine. */
export interface FakeMirror {
  readonly url: string;
  /** What is served; tests change it. */
  readonly files: Map<string, Buffer>;
  /** Paths as they were asked for, with the range. */
  readonly seen: string[];
  /** Answers that come before the file: a status, or bytes after which the connection is cut at a moment that the test decides. */
  readonly faults: Map<
    string,
    ({ readonly status: number } | { readonly cutAfter: number; readonly until: Promise<unknown> })[]
  >;
  close(): Promise<void>;
}

export async function serve(files: Map<string, Buffer>): Promise<FakeMirror> {
  const seen: string[] = [];
  const faults: FakeMirror["faults"] = new Map();
  const server = createServer((request, response) => {
    const path = decodeURI((request.url ?? "").replace(/^\/debian\//, "")).replace(/%3A/gi, "%3a");
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    seen.push(from > 0 ? `${path} from ${from}` : path);
    const fault = faults.get(path)?.shift();
    const bytes = files.get(path);
    if (bytes === undefined || (fault !== undefined && "status" in fault)) {
      response.writeHead(fault !== undefined && "status" in fault ? fault.status : 404).end();
      return;
    }
    const rest = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
    if (fault === undefined) {
      response.end(rest);
      return;
    }
    response.write(rest.subarray(0, fault.cutAfter));
    void fault.until.then(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/debian`, files, seen, faults, close };
}
