import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** A version of a package: files below `package/`, and what its entry in the registry says beside. */
export interface FakeVersion {
  readonly files: Readonly<Record<string, string>>;
  readonly engines?: Readonly<Record<string, string>>;
  /** Instead of the true one. */
  readonly integrity?: string;
}

/** A registry on a local port that serves packages out of memory. */
export interface FakeRegistry {
  readonly url: string;
  /** Paths asked for, with the Authorization header where there was one. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/** Starts a registry. With a token it answers 401 to requests that do not carry it. */
export async function startFakeRegistry(
  packages: Readonly<Record<string, Readonly<Record<string, FakeVersion>>>>,
  token?: string,
): Promise<FakeRegistry> {
  const requests: FakeRegistry["requests"] = [];
  const blobs = new Map<string, Buffer>();
  const documents = new Map<string, object>();
  const server = createServer((request: IncomingMessage, response) => {
    const path = request.url ?? "";
    requests.push({ path, authorization: request.headers.authorization });
    const body = blobs.get(path) ?? (documents.has(path) ? JSON.stringify(documents.get(path)) : undefined);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end("{}");
    else if (body === undefined) response.writeHead(404).end("{}");
    else response.writeHead(200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}`;
  for (const [name, versions] of Object.entries(packages)) {
    const entries: Record<string, object> = {};
    for (const [version, fake] of Object.entries(versions)) {
      const tarball = await tarballOf(fake.files);
      const path = `/${name}/-/${name}-${version}.tgz`;
      blobs.set(path, tarball);
      const integrity = fake.integrity ?? `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      entries[version] = { name, version, engines: fake.engines, dist: { tarball: `${url}${path}`, integrity } };
    }
    documents.set(`/${name}`, { name, "dist-tags": {}, versions: entries });
  }
  return {
    url,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function tarballOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    archive.entry({ name: `package/${name}`, mode: name.startsWith("bin/") ? 0o755 : 0o644 }, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
