import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { crc32 } from "node:zlib";

/** A module at one version: its files, and the sum of the checksum database where that is not the true one. */
export interface FakeModule {
  readonly path: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly sumInDatabase?: string;
}

/** A module proxy on a local port that serves a checksum database, too. */
export interface GoProxy {
  /** Variables of Go for this proxy and its database. */
  readonly env: Readonly<Record<string, string>>;
  /** Paths asked for. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Starts a proxy. Its database has a tree of one record, that of the first module. */
export async function startGoProxy(modules: readonly FakeModule[]): Promise<GoProxy> {
  const requests: string[] = [];
  const answers = new Map<string, Buffer>();
  for (const module of modules) {
    const at = `/${module.path}/@v/`;
    const listed = modules.filter(({ path }) => path === module.path).map(({ version }) => `${version}\n`);
    answers.set(`${at}list`, Buffer.from(listed.join("")));
    answers.set(`${at}${module.version}.info`, Buffer.from(JSON.stringify({ Version: module.version })));
    answers.set(`${at}${module.version}.mod`, Buffer.from(goMod(module)));
    answers.set(`${at}${module.version}.zip`, zip(archived(module)));
  }
  const database = modules[0] === undefined ? undefined : checksumDatabase(modules[0]);
  for (const [path, body] of database?.answers ?? []) answers.set(`/sumdb/${path}`, body);
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const body = answers.get(path);
    response.writeHead(body === undefined ? 404 : 200).end(body ?? "not found");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    env: { GOPROXY: url, GOSUMDB: database === undefined ? "off" : `${database.key} ${url}/sumdb` },
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const goMod = ({ path }: FakeModule): string => `module ${path}\n`;

const archived = ({ path, version, files }: FakeModule): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [`${path}@${version}/${name}`, content]));

const sha256 = (...parts: readonly (string | Buffer)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** Hash of a list of files, as go.sum has it. */
export function h1(files: Readonly<Record<string, string>>): string {
  const lines = Object.keys(files)
    .sort()
    .map((name) => `${sha256(files[name] ?? "").toString("hex")}  ${name}\n`);
  return `h1:${sha256(lines.join("")).toString("base64")}`;
}

/** The tree of one record has that record's hash as its root, so it is its own proof. */
function checksumDatabase(module: FakeModule): { readonly key: string; readonly answers: Map<string, Buffer> } {
  const { path, version } = module;
  const name = "sums.example";
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = Buffer.concat([Buffer.of(1), publicKey.export({ type: "spki", format: "der" }).subarray(-32)]);
  const keyHash = sha256(`${name}\n`, key).subarray(0, 4);
  const sum = module.sumInDatabase ?? h1(archived(module));
  const record = `${path} ${version} ${sum}\n${path} ${version}/go.mod ${h1({ "go.mod": goMod(module) })}\n`;
  const leaf = sha256(Buffer.of(0), record);
  const tree = `go.sum database tree\n1\n${leaf.toString("base64")}\n`;
  const signature = Buffer.concat([keyHash, sign(null, Buffer.from(tree), privateKey)]).toString("base64");
  const note = `${tree}\n\u2014 ${name} ${signature}\n`;
  return {
    key: `${name}+${keyHash.toString("hex")}+${key.toString("base64")}`,
    answers: new Map([
      [`lookup/${path}@${version}`, Buffer.from(`0\n${record}\n${note}`)],
      ["latest", Buffer.from(note)],
      ["tile/8/0/000.p/1", leaf],
    ]),
  };
}

/** An archive without compression. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = Buffer.from(path);
    const data = Buffer.from(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    local.push(Buffer.from("PK\u0003\u0004"), fields, name, data);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(offset, 10);
    central.push(Buffer.from("PK\u0001\u0002\u0014\u0000"), fields, end, name);
    offset += 30 + name.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(files).length, 4);
  end.writeUInt16LE(Object.keys(files).length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from("PK\u0005\u0006"), end]);
}
