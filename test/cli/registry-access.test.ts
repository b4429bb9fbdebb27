import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type AddressInfo } from "node:net";
import { createServer, type Server } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { extraCertificates, openRegistries } from "../../lifecycle/cli/registry-access.ts";
import { silentProgress } from "../../lifecycle/context.ts";
import type { Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { certificateDirectories } from "../../lifecycle/stores/docker-places.ts";
import { hostCertificates } from "../../lifecycle/stores/registry/host-certificates.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type CertificateFiles, makeCertificate } from "../fakes/certificates.ts";
import { type DockerRegistry, isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { type HttpProxy, startHttpProxy } from "../fakes/http-proxy.ts";
import { noise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

// CI installs everything: there a missing program is a failure.
const ci = process.env["CI"] !== undefined;
const hasOpenssl = ci || isInstalled("openssl", "version");
const hasRegistry = ci || isInstalled("docker-registry");

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-access-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(0),
  signal: new AbortController().signal,
};
type Env = Readonly<Record<string, string>>;
const open = (env: Env, insecureRegistries: readonly string[] = []): RegistryStore =>
  openRegistries({ env: { HOME: "/nonexistent", ...env }, insecureRegistries, ctx });
const image = testImage({ layers: [noise(3000, 7)] });

/** Puts files into `certs.d/HOST` of a Docker config directory of its own; returns that directory. */
function certsFor(host: string, files: Readonly<Record<string, string>>): string {
  const docker = mkdtempSync(join(directory, "docker-"));
  mkdirSync(join(docker, "certs.d", host), { recursive: true });
  for (const [name, from] of Object.entries(files)) cpSync(from, join(docker, "certs.d", host, name));
  return docker;
}

describe.skipIf(!hasOpenssl || !hasRegistry)(
  "a registry that wants client certificates (needs openssl, docker-registry)",
  () => {
    let registry: DockerRegistry;
    let server: CertificateFiles;
    let client: CertificateFiles;
    beforeAll(async () => {
      server = makeCertificate(directory, "server");
      client = makeCertificate(directory, "client");
      registry = await startDockerRegistry({ tls: { ...server, clientCas: [client.cert] } });
    });
    afterAll(() => registry.close());

    test("takes an image with the CA, certificate and key of its folder, and gives it back", async () => {
      const docker = certsFor(registry.host, {
        "ca.crt": server.cert,
        "client.cert": client.cert,
        "client.key": client.key,
      });
      const ref = parseReference(`${registry.host}/app:v1`);
      await open({ DOCKER_CONFIG: docker }).write(image, [ref]);
      const back = await open({ DOCKER_CONFIG: docker }).resolve(ref);
      if (back === undefined) throw new Error("the image is missing");
      await validate(back);
    });

    test("refuses everybody else, which says what it wants", async () => {
      const docker = certsFor(registry.host, { "ca.crt": server.cert });
      const certificates = hostCertificates([join(docker, "certs.d")]);
      const store = registryStore({ certificates, retry: { attempts: 2, delay: 1, longest: 1 } });
      await expect(store.resolve(parseReference(`${registry.host}/app:v1`))).rejects.toMatchObject({
        code: "REGISTRY_UNREACHABLE",
        hint: expect.stringContaining("client certificate"),
      });
    });

    test("is not trusted by the CA of another host's folder", async () => {
      const [name = "", port = ""] = registry.host.split(":");
      for (const other of [name, `${name}:${Number(port) + 1}`, `localhost:${port}`]) {
        const docker = certsFor(other, {
          "ca.crt": server.cert,
          "client.cert": client.cert,
          "client.key": client.key,
        });
        await expect(
          open({ DOCKER_CONFIG: docker }).resolve(parseReference(`${registry.host}/app:v1`)),
        ).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE", hint: expect.stringContaining("CA") });
      }
    });
  },
);

describe.skipIf(!hasOpenssl)("certificates of a host (needs openssl)", () => {
  let made: CertificateFiles;
  beforeAll(() => {
    made = makeCertificate(directory, "made");
  });
  const certificatesOf = (docker: string): ReturnType<typeof hostCertificates> =>
    hostCertificates([join(docker, "certs.d")]);

  test("are found by host, with its port unless that is 443, and by no path", async () => {
    const all = { "a.crt": made.cert, "b.crt": made.cert };
    expect((await certificatesOf(certsFor("reg.test", all))("REG.test"))?.ca).toHaveLength(2);
    expect(await certificatesOf(certsFor("reg.test:443", all))("reg.test")).toBeDefined();
    expect(await certificatesOf(certsFor("docker.io", all))("index.docker.io")).toBeDefined();
    expect(await certificatesOf(certsFor("reg.test", all))("reg.test:5000")).toBeUndefined();
    expect(await certificatesOf(certsFor("reg.test", all))("..")).toBeUndefined();
    expect(await certificatesOf(certsFor("reg.test", all))("../certs.d/reg.test")).toBeUndefined();
  });

  test("are those of the first directory that has the host", async () => {
    const [first, second] = [certsFor("reg.test", { "a.crt": made.cert }), certsFor("reg.test", {})];
    const places = [second, first].map((docker) => join(docker, "certs.d"));
    expect((await hostCertificates(["/nonexistent/certs.d", ...places])("reg.test"))?.ca).toEqual([]);
    const certificates = hostCertificates(places.toReversed());
    expect((await certificates("reg.test"))?.ca).toHaveLength(1);
    // One that is known says nothing of others.
    expect(await certificates("other.test")).toBeUndefined();
    expect((await certificates("reg.test"))?.ca).toHaveLength(1);
  });

  test.each<[string, (docker: string) => void, string]>([
    ["a certificate without a key", () => {}, "client.key"],
    [
      "a key that is another's",
      (at) => cpSync(makeCertificate(directory, "x").key, join(at, "client.key")),
      "reg.test",
    ],
    ["a CA that is no certificate", (at) => writeFileSync(join(at, "client.key"), "no key"), "reg.test"],
    ["a file that leads nowhere", (at) => symlinkSync("/nonexistent", join(at, "client.key")), "client.key"],
  ])("with %s are INVALID_ENV, which names the place", async (_, prepare, named) => {
    const docker = certsFor("reg.test", { "client.cert": made.cert });
    prepare(join(docker, "certs.d/reg.test"));
    await expect(certificatesOf(docker)("reg.test")).rejects.toMatchObject({
      code: "INVALID_ENV",
      issues: [{ source: expect.stringMatching(new RegExp(`${named}$`)) }],
    });
  });

  test("are looked for beside Docker's config, in the person's and in the machine's places", () => {
    expect(certificateDirectories({ HOME: "/h" })).toEqual([
      "/h/.docker/certs.d",
      "/h/.config/containers/certs.d",
      "/h/.config/docker/certs.d",
      "/etc/containers/certs.d",
      "/etc/docker/certs.d",
    ]);
    expect(certificateDirectories({ HOME: "/h", DOCKER_CONFIG: "/d", XDG_CONFIG_HOME: "/x" }).slice(0, 2)).toEqual([
      "/d/certs.d",
      "/x/containers/certs.d",
    ]);
  });

  test("that everybody trusts come from SSL_CERT_FILE and all directories of SSL_CERT_DIR", () => {
    const other = makeCertificate(directory, "other");
    const [one, two] = ["one", "two"].map((name) => mkdtempSync(join(directory, name))) as [string, string];
    cpSync(made.cert, join(one, "made.pem"));
    symlinkSync("made.pem", join(one, "12ab34cd.0"));
    symlinkSync("gone.pem", join(one, "gone.crt"));
    cpSync(other.cert, join(two, "other.crt"));
    writeFileSync(join(two, "README"), "no certificate");
    const count = (env: Env): number => extraCertificates(env)?.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
    expect(count({ SSL_CERT_DIR: `${one}:${two}:/nonexistent` })).toBe(2);
    expect(count({ SSL_CERT_FILE: other.cert, SSL_CERT_DIR: one })).toBe(2);
    expect(count({ SSL_CERT_FILE: "", SSL_CERT_DIR: "" })).toBe(0);
    expect(() => extraCertificates({ SSL_CERT_FILE: "/nonexistent" })).toThrow(
      expect.objectContaining({ code: "INVALID_ENV" }) as Error,
    );
  });
});

describe("a proxy of the environment", () => {
  let registry: FakeRegistry;
  const proxies: HttpProxy[] = [];
  const servers: Server[] = [];
  beforeAll(async () => {
    registry = await startFakeRegistry();
  });
  afterAll(() => registry.close());
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    for (const server of servers.splice(0)) server.close();
  });
  async function begin(target: string, authorization?: string): Promise<HttpProxy> {
    const started = await startHttpProxy(target, authorization);
    proxies.push(started);
    return started;
  }

  /** A TLS door before the fake registry. */
  async function door({ cert, key }: CertificateFiles): Promise<string> {
    const [hostname = "", port = ""] = registry.host.split(":");
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      const inner = connect(Number(port), hostname);
      socket.pipe(inner).pipe(socket);
      socket.on("error", () => inner.destroy());
      inner.on("error", () => socket.destroy());
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.skipIf(!hasOpenssl)("tunnels HTTPS, whose certificate is still the registry's (needs openssl)", async () => {
    const made = makeCertificate(directory, "tunnel");
    const { url, seen } = await begin(await door(made));
    const ref = parseReference("registry.test:5000/tunnel:v1");
    await open({ https_proxy: url, SSL_CERT_FILE: made.cert }).write(image, [ref]);
    expect(new Set(seen)).toEqual(new Set(["CONNECT registry.test:5000"]));
    expect(registry.manifests.has("tunnel v1")).toBe(true);
    await expect(open({ HTTPS_PROXY: url }).resolve(ref)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  });

  test("gets the user and password of its URL, which no error shows", async () => {
    const authorization = `Basic ${Buffer.from("ada:pass word").toString("base64")}`;
    const { url, authorizations } = await begin(registry.host, authorization);
    const named = url.replace("//", "//ada:pass%20word@");
    const ref = parseReference("registry.test:80/plain:v1");
    expect(await open({ HTTP_PROXY: named }, ["registry.test:80"]).resolve(ref)).toBeUndefined();
    expect(new Set(authorizations)).toEqual(new Set([authorization]));
    const refused = await open({ HTTPS_PROXY: url.replace("//", "//ada:geheim@") })
      .resolve(parseReference("registry.test:5000/x"))
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(JSON.stringify(refused) + String(refused) + String((refused as Error).cause)).not.toContain("geheim");
  });

  test("is not asked for what NO_PROXY names, nor for this machine", async () => {
    const { url, seen } = await begin(registry.host);
    const env = { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: "10.0.0.0/8,.invalid" };
    for (const name of ["reg.invalid:1/a", `${registry.host}/a`]) {
      await open(env)
        .resolve(parseReference(name))
        .catch(() => undefined);
    }
    expect(seen).toEqual([]);
  });
});

describe("the helper of a cloud", () => {
  const account = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
  let bin = "";
  beforeAll(() => {
    bin = mkdtempSync(join(directory, "bin-"));
    writeFileSync(join(bin, "docker-credential-ecr-login"), "#!/bin/sh\nexit 1\n");
    chmodSync(join(bin, "docker-credential-ecr-login"), 0o755);
  });

  test("is asked by every command; that it fails is no error", async () => {
    const lines: string[] = [];
    const logger = { ...silentLogger, debug: (line: string) => void lines.push(line) };
    const elsewhere = await startFakeRegistry();
    const middle = await startHttpProxy(elsewhere.host);
    const store = openRegistries({
      env: { HOME: "/nonexistent", PATH: bin, HTTP_PROXY: middle.url, HTTPS_PROXY: "http://127.0.0.1:1" },
      insecureRegistries: [account],
      ctx: { ...ctx, logger },
    });
    expect(await store.resolve(parseReference(`${account}/app:v1`))).toBeUndefined();
    expect(lines.join("\n")).toContain(`${account} is used without credentials: docker-credential-ecr-login`);
    await middle.close();
    await elsewhere.close();
  });
});
