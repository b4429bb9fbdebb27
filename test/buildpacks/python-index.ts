import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { crc32 } from "node:zlib";

/** A wheel that the index of a test offers: a module `name`, what it requires, and programs. */
export interface FakeWheel {
  readonly name: string;
  readonly version: string;
  readonly requires?: readonly string[];
  /** Program to function of the module. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly metadata?: readonly string[];
  /** What the module begins with. */
  readonly source?: string;
}

/** An index of Python packages on a local port. */
export interface FakeIndex {
  /** For `PIP_INDEX_URL`. */
  readonly url: string;
  /** Paths asked for. */
  readonly requests: readonly string[];
  /** SHA-256 of the only file of a package, in hex. */
  hash(name: string, version: string): string;
  close(): Promise<void>;
}

/** Serves wheels out of memory, with their hashes in the links. */
export async function startFakeIndex(wheels: readonly FakeWheel[]): Promise<FakeIndex> {
  const requests: string[] = [];
  const files = new Map<string, Buffer>();
  const links = new Map<string, string[]>();
  const hashes = new Map<string, string>();
  for (const wheel of wheels) {
    const file = `${wheel.name}-${wheel.version}-py3-none-any.whl`;
    const bytes = zipOf(wheelFiles(wheel));
    const hash = createHash("sha256").update(bytes).digest("hex");
    files.set(`/files/${file}`, bytes);
    hashes.set(`${wheel.name} ${wheel.version}`, hash);
    links.set(wheel.name, [...(links.get(wheel.name) ?? []), `<a href="/files/${file}#sha256=${hash}">${file}</a>`]);
  }
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const page = links.get(/^\/simple\/([^/]+)\/$/.exec(path)?.[1] ?? "");
    const body = files.get(path) ?? (page === undefined ? undefined : `<!doctype html><html>${page.join("\n")}</html>`);
    const type = files.has(path) ? "application/octet-stream" : "text/html";
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/simple`,
    requests,
    hash: (name, version) => hashes.get(`${name} ${version}`) ?? "",
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function wheelFiles({
  name,
  version,
  requires,
  programs,
  metadata,
  source = "",
}: FakeWheel): Readonly<Record<string, string>> {
  const info = `${name}-${version}.dist-info`;
  const fields = ["Metadata-Version: 2.1", `Name: ${name}`, `Version: ${version}`, ...(metadata ?? [])];
  const functions = Object.values(programs ?? {}).map((one) => `def ${one}():\n    print("${name} ${version}")\n`);
  const points = Object.entries(programs ?? {}).map(([program, one]) => `${program} = ${name}:${one}`);
  return {
    [`${name}.py`]: `${source}VERSION = "${version}"\n${functions.join("\n")}`,
    [`${info}/METADATA`]: [...fields, ...(requires ?? []).map((one) => `Requires-Dist: ${one}`), ""].join("\n"),
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    ...(points.length > 0 ? { [`${info}/entry_points.txt`]: `[console_scripts]\n${points.join("\n")}\n` } : {}),
    [`${info}/RECORD`]: "",
  };
}

/** A zip archive whose files are stored as they are. */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = Buffer.from(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from("PK\u0001\u0002\u0014\u0000"), common, rest, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
