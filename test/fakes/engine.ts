import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { digestOf, hex } from "../../lifecycle/oci/digest.ts";
import { decodeConfig } from "../../lifecycle/oci/image-config.ts";
import { encodeHeader, paddingAfter } from "../../lifecycle/oci/tar/header.ts";
import { readTar } from "../../lifecycle/oci/tar/unpack.ts";

/** How the engine behaves. */
export interface FakeEngineOptions {
  /** Like Docker with containerd's image store: blobs are kept, and every one has to be sent. */
  readonly keepsContent?: boolean;
  /** Version of its API; 1.41 when absent. */
  readonly version?: string;
  /** Called before a request is answered; what it returns is the answer. */
  readonly before?: (request: string) => { readonly status: number; readonly body: string } | undefined;
}

/** An engine in this process, for what a real one can not be made to do. */
export interface FakeEngine {
  readonly socket: string;
  /** `GET /images/x/json`, in order. */
  readonly requests: readonly string[];
  /** Gives an image the name that a pull by digest would have given it. */
  pulled(name: string, byDigest: string): void;
  /** Forgets an image that somebody else removed meanwhile. */
  forget(name: string): void;
  readonly close: () => Promise<void>;
}

interface StoredImage {
  readonly id: string;
  readonly config: Uint8Array;
  /** Plain tars. */
  readonly layers: readonly Uint8Array[];
}

/** Starts an engine on a socket of its own. */
export async function startFakeEngine(options: FakeEngineOptions = {}): Promise<FakeEngine> {
  const directory = mkdtempSync(join(tmpdir(), "fake-eng-"));
  const socket = join(directory, "docker.sock");
  const images = new Map<string, StoredImage>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    const answer = options.before?.(line);
    if (answer !== undefined) {
      request.resume();
      response.writeHead(answer.status).end(answer.body);
      return;
    }
    serve(request, response, images, options).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    requests,
    pulled: (name, byDigest) => {
      const image = images.get(name);
      if (image !== undefined) images.set(byDigest, image);
    },
    forget: (name) => images.delete(name),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

type Images = Map<string, StoredImage>;

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  images: Images,
  { keepsContent: keeps = false, version = "1.41" }: FakeEngineOptions,
): Promise<void> {
  const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
  const json = (value: unknown, status = 200): void => void response.writeHead(status).end(JSON.stringify(value));
  if (path === "/_ping") return void response.writeHead(200, { "api-version": version }).end("OK");
  if (path === "/info") {
    return json({
      DriverStatus: keeps ? [["driver-type", "io.containerd.snapshotter.v1"]] : [["Backing Filesystem", "extfs"]],
    });
  }
  if (path === "/images/json") {
    const ids = new Set([...images.values()].map(({ id }) => id));
    const tagsOf = (wanted: string) => [...images].flatMap(([tag, { id }]) => (id === wanted ? [tag] : []));
    return json([...ids].map((id) => ({ Id: id, RepoTags: tagsOf(id), Size: 1000 })));
  }
  if (path === "/images/load") return json(await load(request, images, keeps));
  const [, name = "", action] = /^\/images\/(.*?)(?:\/(json|history|get))?$/.exec(path) ?? [];
  const image = images.get(name) ?? [...images.values()].find(({ id }) => id === name);
  if (image === undefined) return json({ message: `No such image: ${name}` }, 404);
  if (action === "json") return json(inspected(image));
  if (action === "history") return json(historyOf(image));
  if (action === "get") return void response.end(saved(image, keeps));
  for (const [tag, { id }] of images) if (tag === name || id === name) images.delete(tag);
  return json([{ Untagged: name }]);
}

function inspected({ id, config }: StoredImage): object {
  const { value } = decodeConfig(config, "fake");
  return {
    Id: id,
    Created: value.created ?? "0001-01-01T00:00:00Z",
    Architecture: value.architecture,
    Os: value.os,
    Variant: value.variant ?? "",
    Config: { Hostname: "", Image: "", Tty: false, Cmd: null, ...value.config },
    RootFS: { Type: "layers", Layers: value.rootfs.diff_ids },
  };
}

function historyOf({ config, layers }: StoredImage): readonly object[] {
  const lines = decodeConfig(config, "fake").value.history ?? [];
  const sizes = layers.map((layer) => layer.length);
  return lines
    .map(({ created, created_by: CreatedBy = "", empty_layer: isEmpty }) => ({
      Created: created === undefined ? -62135596800 : Date.parse(created) / 1000,
      CreatedBy,
      Comment: "",
      Size: isEmpty === true ? 0 : (sizes.shift() ?? 0),
    }))
    .toReversed();
}

async function load(request: IncomingMessage, images: Images, keeps: boolean): Promise<object> {
  const files = new Map<string, Uint8Array>();
  for await (const { header, content } of readTar(request)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content()) chunks.push(Buffer.from(chunk));
    files.set(String(header.name), Buffer.concat(chunks));
  }
  const text = Buffer.from(files.get("manifest.json") ?? []).toString();
  const [manifest] = JSON.parse(text) as readonly [
    { Config: string; RepoTags: readonly string[]; Layers: readonly string[] },
  ];
  const config = files.get(manifest.Config) ?? new Uint8Array();
  const diffIds = decodeConfig(config, "load").value.rootfs.diff_ids;
  const layers: Uint8Array[] = [];
  for (const [index, name] of manifest.Layers.entries()) {
    const chain = diffIds.slice(0, index + 1);
    const known = keeps ? undefined : [...images.values()].find((image) => startsWith(image, chain))?.layers[index];
    const sent = files.get(name) ?? new Uint8Array();
    const layer = known ?? (sent[0] === 0x1f ? gunzipSync(sent) : sent);
    if (digestOf(layer) !== (diffIds[index] as string)) return { error: `invalid diffID for layer ${index}` };
    layers.push(layer);
  }
  const id = keeps ? digestOf(`manifest of ${digestOf(config)}`) : digestOf(config);
  for (const tag of manifest.RepoTags) images.set(tag, { id, config, layers });
  return { stream: "Loaded image" };
}

function startsWith({ config }: StoredImage, chain: readonly string[]): boolean {
  const diffIds = decodeConfig(config, "fake").value.rootfs.diff_ids;
  return chain.every((diffId, index) => diffId === (diffIds[index] as string));
}

/** As older engines do it, with a link for a layer that occurs twice; or as containerd does, compressed. */
function saved({ config, layers }: StoredImage, keeps: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  const names: string[] = [];
  const add = (name: string, bytes: Uint8Array): void => {
    parts.push(encodeHeader({ name, type: "file", mode: 0o644, uid: 0, gid: 0, size: bytes.length }), bytes);
    parts.push(Buffer.alloc(paddingAfter(bytes.length)));
  };
  for (const [index, layer] of layers.entries()) {
    const first = layers.indexOf(layer);
    const name = keeps ? `blobs/sha256/${hex(digestOf(layer))}` : `${index}/layer.tar`;
    names.push(name);
    if (first === index) add(name, keeps ? gzipSync(layer) : layer);
    else if (!keeps) {
      const linkname = `../${first}/layer.tar`;
      parts.push(encodeHeader({ name, type: "symlink", linkname, mode: 0o777, uid: 0, gid: 0 }));
    }
  }
  add("config.json", config);
  add("manifest.json", Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: null, Layers: names }])));
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
