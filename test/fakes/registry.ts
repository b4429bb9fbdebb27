import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerToken, challengeFor } from "./registry-auth.ts";
import type { FakeAuth, FakeAuthState } from "./registry-auth.ts";
import { nextFault, sendBody } from "./registry-faults.ts";
import type { Fault, FaultAction } from "./registry-faults.ts";

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingMessage["headers"];
  bytes: number;
}

/** A registry in this process that speaks the distribution API, and can be told to fail. */
export interface FakeRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly seen: readonly SeenRequest[];
  /** `REPOSITORY DIGEST` to bytes. */
  readonly blobs: Map<string, Uint8Array>;
  /** `REPOSITORY TAG-OR-DIGEST` to document. */
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Uint8Array }>;
  fail(fault: Fault): void;
  /** How many requests of a method had a path that fits. */
  count(method: string, path: RegExp): number;
  readonly close: () => Promise<void>;
}

/** What a fake registry is like. */
export interface FakeOptions {
  readonly auth?: FakeAuth;
  /** False: a mount is answered by a plain upload. */
  readonly mounts?: boolean;
  /** A free one when absent. */
  readonly port?: number;
}

interface State {
  readonly options: FakeOptions;
  readonly auth: FakeAuthState;
  readonly blobs: FakeRegistry["blobs"];
  readonly manifests: FakeRegistry["manifests"];
  readonly uploads: Map<string, Buffer[]>;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly repository: string;
  readonly rest: string;
  readonly seen: SeenRequest;
  readonly fault: FaultAction | undefined;
}

/** Starts a fake registry on a free port of this machine. */
export async function startFakeRegistry(options: FakeOptions = {}): Promise<FakeRegistry> {
  const state: State = {
    options,
    auth: { auth: options.auth ?? { kind: "none" }, issued: new Map(), counter: 0 },
    blobs: new Map(),
    manifests: new Map(),
    uploads: new Map(),
  };
  const seen: SeenRequest[] = [];
  const faults: (Fault & { left: number })[] = [];
  const server = createServer((request, response) => {
    const entry = {
      method: request.method ?? "",
      url: request.url ?? "",
      authorization: request.headers.authorization,
      headers: request.headers,
      bytes: 0,
    };
    seen.push(entry);
    answer(state, request, response, entry, nextFault(faults, request)).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    blobs: state.blobs,
    manifests: state.manifests,
    fail: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    count: (method, path) => seen.filter((entry) => entry.method === method && path.test(entry.url)).length,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
  fault: FaultAction | undefined,
): Promise<void> {
  const host = request.headers.host ?? "";
  const url = new URL(request.url ?? "", `http://${host}`);
  if (url.pathname === "/token") return answerToken(state.auth, request, response, await body(request, seen));
  const challenge = challengeFor(state.auth, request, host);
  if (challenge !== undefined) {
    request.resume();
    return problem(response, 401, "UNAUTHORIZED", { "www-authenticate": challenge });
  }
  if (fault?.kind === "status") {
    request.resume();
    return problem(response, fault.status, fault.code ?? "FAULT", fault.headers ?? {});
  }
  if (fault?.kind === "reset") return void request.socket.resetAndDestroy();
  if (fault?.kind === "redirect") {
    request.resume();
    return void response.writeHead(307, { location: fault.to }).end();
  }
  if (url.pathname === "/v2/") return void response.writeHead(200).end("{}");
  const match = /^\/v2\/(.+?)\/(blobs\/uploads\/.*|blobs\/.+|manifests\/.+|tags\/list)$/.exec(url.pathname);
  if (match === null) return problem(response, 404, "NAME_UNKNOWN");
  const call = { request, response, url, repository: match[1] ?? "", rest: match[2] ?? "", seen, fault };
  if (call.rest.startsWith("blobs/uploads/")) return upload(state, call);
  if (call.rest.startsWith("blobs/")) return blob(state, call);
  if (call.rest.startsWith("manifests/")) return manifest(state, call);
  return tags(state, call);
}

function problem(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: `fake ${code.toLowerCase()}` }] }));
}

async function body(request: IncomingMessage, seen: SeenRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    seen.bytes += chunk.length;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function blob(state: State, call: Call): Promise<void> {
  const key = `${call.repository} ${call.rest.slice("blobs/".length)}`;
  const bytes = state.blobs.get(key);
  if (bytes === undefined) return problem(call.response, 404, "BLOB_UNKNOWN");
  if (call.request.method === "DELETE") {
    state.blobs.delete(key);
    return void call.response.writeHead(202).end();
  }
  if (call.request.method === "HEAD") {
    return void call.response.writeHead(200, { "content-length": String(bytes.length) }).end();
  }
  const start = Number(/^bytes=(\d+)-$/.exec(call.request.headers.range ?? "")?.[1] ?? "0");
  await sendBody(call.response, start > 0 ? 206 : 200, {}, bytes.subarray(start), call.fault);
}

async function manifest(state: State, call: Call): Promise<void> {
  const reference = call.rest.slice("manifests/".length);
  const { method } = call.request;
  if (method === "PUT") return putManifest(state, call, reference);
  const found = state.manifests.get(`${call.repository} ${reference}`);
  if (found === undefined) return problem(call.response, 404, "MANIFEST_UNKNOWN");
  const digest = digestOf(found.bytes);
  if (method === "DELETE") {
    if (!reference.startsWith("sha256:")) return problem(call.response, 405, "UNSUPPORTED");
    for (const [key, value] of state.manifests) {
      if (key.startsWith(`${call.repository} `) && digestOf(value.bytes) === digest) state.manifests.delete(key);
    }
    return void call.response.writeHead(202).end();
  }
  const headers = { "content-type": found.type, "docker-content-digest": digest };
  if (method === "HEAD") {
    return void call.response.writeHead(200, { ...headers, "content-length": String(found.bytes.length) }).end();
  }
  await sendBody(call.response, 200, headers, found.bytes, call.fault);
}

async function putManifest(state: State, call: Call, reference: string): Promise<void> {
  const bytes = await body(call.request, call.seen);
  const document = JSON.parse(bytes.toString()) as {
    readonly config?: { readonly digest: string };
    readonly layers?: readonly { readonly digest: string; readonly urls?: readonly string[] }[];
  };
  const layers = (document.layers ?? []).filter(({ urls }) => urls === undefined);
  const needed = [...(document.config === undefined ? [] : [document.config]), ...layers];
  if (needed.some(({ digest }) => !state.blobs.has(`${call.repository} ${digest}`))) {
    return problem(call.response, 400, "MANIFEST_BLOB_UNKNOWN");
  }
  const entry = { type: call.request.headers["content-type"] ?? "", bytes };
  state.manifests.set(`${call.repository} ${reference}`, entry);
  state.manifests.set(`${call.repository} ${digestOf(bytes)}`, entry);
  if (call.fault?.kind === "status-after") return problem(call.response, call.fault.status, "FAULT");
  call.response.writeHead(201, { "docker-content-digest": digestOf(bytes) }).end();
}

function tags(state: State, call: Call): void {
  const prefix = `${call.repository} `;
  const all = [...state.manifests.keys()]
    .filter((key) => key.startsWith(prefix) && !key.includes("sha256:"))
    .map((key) => key.slice(prefix.length))
    .sort();
  if (all.length === 0) return problem(call.response, 404, "NAME_UNKNOWN");
  // Pages of two, so that everybody has to follow the link.
  const start = all.findIndex((tag) => tag > (call.url.searchParams.get("last") ?? ""));
  const page = start < 0 ? [] : all.slice(start, start + 2);
  const more = start >= 0 && start + 2 < all.length;
  const link = more ? { link: `</v2/${call.repository}/tags/list?last=${page.at(-1)}>; rel="next"` } : {};
  call.response.writeHead(200, { "content-type": "application/json", ...link });
  call.response.end(JSON.stringify({ name: call.repository, tags: page }));
}

async function upload(state: State, call: Call): Promise<void> {
  const { request, response, url, repository, fault } = call;
  const id = call.rest.slice("blobs/uploads/".length);
  if (request.method === "POST") return beginUpload(state, call);
  if (fault?.kind === "forget-upload") state.uploads.delete(id);
  const chunks = state.uploads.get(id);
  if (chunks === undefined) {
    request.resume();
    return problem(response, 404, "BLOB_UPLOAD_UNKNOWN");
  }
  const have = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const headers = { location: `/v2/${repository}/blobs/uploads/${id}`, range: `0-${Math.max(0, have - 1)}` };
  if (request.method === "GET") return void response.writeHead(204, headers).end();
  if (request.method === "DELETE") {
    state.uploads.delete(id);
    return void response.writeHead(204).end();
  }
  const start = /^(\d+)-/.exec(request.headers["content-range"] ?? "")?.[1];
  if (start !== undefined && Number(start) !== have) return problem(response, 416, "RANGE_INVALID", headers);
  let received = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (fault?.kind === "stall-request" && received >= fault.after) await once(request, "close");
    const limit = fault?.kind === "cut-request" ? fault.after - received : chunk.length;
    chunks.push(chunk.subarray(0, limit));
    received += chunk.length;
    call.seen.bytes += Math.min(chunk.length, limit);
    if (fault?.kind === "cut-request" && received >= fault.after) return void request.destroy();
  }
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (request.method === "PATCH")
    return void response.writeHead(202, { ...headers, range: `0-${Math.max(0, total - 1)}` }).end();
  endUpload(state, call, id, Buffer.concat(chunks), url.searchParams.get("digest") ?? "");
}

function beginUpload(state: State, { response, request, url, repository }: Call): void {
  request.resume();
  const digest = url.searchParams.get("mount");
  const from = url.searchParams.get("from");
  const mounted = digest === null ? undefined : state.blobs.get(`${from} ${digest}`);
  if (mounted !== undefined && digest !== null && state.options.mounts !== false) {
    state.blobs.set(`${repository} ${digest}`, mounted);
    return void response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}` }).end();
  }
  const id = randomUUID();
  state.uploads.set(id, []);
  response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${id}`, range: "0-0" }).end();
}

function endUpload(state: State, call: Call, id: string, bytes: Buffer, digest: string): void {
  state.uploads.delete(id);
  if (digestOf(bytes) !== digest) return problem(call.response, 400, "DIGEST_INVALID");
  state.blobs.set(`${call.repository} ${digest}`, bytes);
  if (call.fault?.kind === "status-after") return problem(call.response, call.fault.status, "FAULT");
  call.response.writeHead(201, { location: `/v2/${call.repository}/blobs/${digest}` }).end();
}
