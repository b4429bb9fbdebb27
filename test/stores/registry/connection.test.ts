import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { encodeIndex } from "../../../lifecycle/oci/manifest.ts";
import { ociTypes } from "../../../lifecycle/oci/media-type.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { startFakeRegistry } from "../../fakes/registry.ts";
import type { FakeRegistry } from "../../fakes/registry.ts";

const retry = { attempts: 2, delay: 1, longest: 10 };
const installed = (program: string, argument?: string): boolean =>
  process.env["CI"] !== undefined || isInstalled(program, argument);

let registry: FakeRegistry;
const servers: Server[] = [];
beforeAll(async () => {
  registry = await startFakeRegistry();
});
afterAll(() => registry.close());
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describe("a proxy", () => {
  test("is asked for hosts elsewhere, and speaks for us", async () => {
    const seen: string[] = [];
    // Leads every name to the fake registry, as a proxy on the way to it would.
    const proxy = createServer((incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      const { pathname, search } = new URL(incoming.url ?? "");
      const [hostname, port] = registry.host.split(":");
      const path = `${pathname}${search}`;
      const { method, headers } = incoming;
      incoming.pipe(
        httpRequest({ hostname, port, path, method, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        }),
      );
    });
    const port = await listen(proxy);
    const store = registryStore({
      retry,
      insecureRegistries: ["registry.test:80"],
      proxy: { http: `http://127.0.0.1:${port}`, no: "other.test" },
    });
    const ref = parseReference("registry.test:80/app:v1");
    await store.write(testImage({ layers: [noise(1000, 1)] }), [ref]);
    const back = await store.resolve(ref);
    expect(back).toBeDefined();
    expect(seen.some((line) => line.startsWith("PUT http://registry.test/v2/app/manifests/v1"))).toBe(true);
    proxy.closeAllConnections();
  });
});

describe.skipIf(!installed("openssl", "version"))("TLS (needs openssl)", () => {
  let directory: string;
  let cert: string;
  let key: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tspack-tls-"));
    const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    execFileSync("openssl", ["req", ...kind, ...name, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
    [key, cert] = [await readFile(keyFile, "utf8"), await readFile(certFile, "utf8")];
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** A TLS door before the fake registry. */
  async function door(): Promise<string> {
    const server = createTlsServer({ key, cert });
    server.removeAllListeners("request");
    server.on("secureConnection", (socket) => {
      const [hostname = "", port = ""] = registry.host.split(":");
      const inner = connect(Number(port), hostname);
      socket.pipe(inner).pipe(socket);
      socket.on("error", () => inner.destroy());
      inner.on("error", () => socket.destroy());
    });
    // The server's own handler for HTTP must not see the bytes.
    server.on("request", () => {});
    return `localhost:${await listen(server)}`;
  }

  test("with a CA that is given works, also on this machine where plain HTTP is tried first", async () => {
    const ref = parseReference(`${await door()}/tls:v1`);
    const store = registryStore({ retry, ca: cert });
    await store.checkAccess(ref, "read");
    expect(await store.resolve(parseReference(`${ref.registry}/none:v1`))).toBeUndefined();
  });

  test("with an unknown CA is REGISTRY_UNREACHABLE with a hint", async () => {
    const ref = parseReference(`${await door()}/tls:v1`);
    await expect(registryStore({ retry }).resolve(ref)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      hint: expect.stringContaining("CA"),
    });
  });

  test("with an unknown CA works for a registry listed as insecure", async () => {
    const ref = parseReference(`${await door()}/tls:v1`);
    const store = registryStore({ retry, insecureRegistries: [ref.registry] });
    expect(await store.resolve(ref)).toBeUndefined();
  });
});

test("a registry elsewhere is never asked over plain HTTP unless it is listed as insecure", async () => {
  const ref = parseReference("127.0.0.1.nip.invalid:1/a");
  const proxied: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    proxied.push(incoming.url ?? "");
    outgoing.writeHead(200).end("{}");
  });
  const port = await listen(proxy);
  const store = registryStore({ retry, proxy: { http: `http://127.0.0.1:${port}` } });
  await expect(store.resolve(ref)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  expect(proxied).toEqual([]);
  proxy.closeAllConnections();
});

test("an index gives the image of the platform that is asked for", async () => {
  const store = registryStore({ retry });
  const images = ["amd64", "arm64"].map((architecture) => testImage({ layers: [noise(500, 2)], architecture }));
  const manifests = [];
  for (const image of images) {
    const { digest, manifestSize } = await store.write(image, [parseReference(`${registry.host}/multi:part`)]);
    const { os, architecture } = (await image.config()).value;
    manifests.push({ mediaType: ociTypes.manifest, digest, size: manifestSize, platform: { os, architecture } });
  }
  const index = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests });
  registry.manifests.set("multi all", { type: ociTypes.index, bytes: index.bytes });
  const ref = parseReference(`${registry.host}/multi:all`);
  const arm = await store.resolve(ref, { platform: { os: "linux", architecture: "arm64" } });
  expect((await arm?.config())?.value.architecture).toBe("arm64");
  if (arm !== undefined) await validate(arm);
  await expect(store.resolve(ref, { platform: { os: "linux", architecture: "s390x" } })).rejects.toMatchObject({
    code: "IMAGE_NOT_FOUND",
    issues: [{ expected: "linux/amd64, linux/arm64", got: "linux/s390x" }],
  });
});

test("a registry is told who asks", async () => {
  await registryStore({ retry, version: "1.2.3" }).resolve(parseReference(`${registry.host}/agent`));
  expect(registry.seen.at(-1)?.headers["user-agent"]).toBe("tspack/1.2.3");
});

test("the bytes that were sent are shown as progress, once each", async () => {
  let [done, total] = [0, 0];
  const step = { advance: (n: number) => void (done += n), total: (n: number) => void (total = n), done: () => {} };
  const image = testImage({ layers: [noise(900_000, 3), noise(900_000, 4)] });
  const sizes = [...(await image.manifest()).value.layers, (await image.manifest()).value.config];
  registry.fail({ method: "PATCH", path: /progress/, action: { kind: "cut-request", after: 300_000 } });
  await registryStore({ retry }).write(image, [parseReference(`${registry.host}/progress:v1`)], {
    ctx: {
      logger: silentLogger,
      progress: { start: () => step },
      clock: () => new Date(),
      signal: new AbortController().signal,
    },
  });
  expect(done).toBe(sizes.reduce((sum, { size }) => sum + size, 0));
  expect(total).toBe(done);
});

test.skipIf(!installed("skopeo"))("skopeo reads what we wrote into a registry (needs skopeo)", async () => {
  const image = testImage({ layers: [noise(80_000, 5)], format: "docker" });
  const { digest } = await registryStore({ retry }).write(image, [parseReference(`${registry.host}/skopeo:v1`)]);
  const from = `docker://${registry.host}/skopeo:v1`;
  const { stdout } = await run("skopeo", ["inspect", "--tls-verify=false", from]);
  expect(JSON.parse(stdout)).toMatchObject({ Digest: digest, Architecture: "amd64" });
});

/** Runs a program without blocking this process, which serves it. */
async function run(program: string, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const { execa } = await import("execa");
  return execa(program, [...args]);
}
