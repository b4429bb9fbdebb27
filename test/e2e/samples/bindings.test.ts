import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { makeCertificate } from "../../fakes/certificates.ts";
import { ask, freePort } from "../http.ts";
import {
  buildJson,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  tspack,
} from "../tspack.ts";

const tools = needs("bwrap", "openssl", "git");
const image = "e2e/node-bindings";

/** The machine's own certificates come by the binding as well: variables of tspack would win over it. */
const ownCertificates = { SSL_CERT_FILE: "", SSL_CERT_DIR: "", NODE_EXTRA_CA_CERTS: "" };

describe.skipIf(tools.skip)(`node-bindings, with an authority of its own${tools.note}`, () => {
  const directory = scratchDirectory("bindings");
  let person: Person;
  let server: Server;
  let url = "";
  beforeAll(async () => {
    person = await self();
    const { cert, key } = makeCertificate(directory, "company");
    makeBinding(cert);
    makeWorkingTree();
    server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, ({ url: path }, response) => {
      response.end(path === "/items.json" ? '["tea","bread"]' : "12 of each\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    removeAll(directory);
  });

  const at = (name: string): string => join(directory, name);

  function makeBinding(certificate: string): void {
    mkdirSync(at("binding"));
    writeFileSync(at("binding/type"), "ca-certificates\n");
    cpSync(certificate, at("binding/company.pem"));
    const machine = process.env["SSL_CERT_FILE"] ?? process.env["NODE_EXTRA_CA_CERTS"];
    if (machine !== undefined) cpSync(machine, at("binding/machine.pem"));
  }

  function makeWorkingTree(): void {
    cpSync(packageFile("samples/node-bindings"), at("app"), { recursive: true });
    const git = (...args: readonly string[]): string =>
      execFileSync("git", ["-c", "user.name=n", "-c", "user.email=e@example.com", ...args], { cwd: at("app") })
        .toString()
        .trim();
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "--message", "shop");
    git("tag", "v1.2.0");
    git("remote", "add", "origin", "https://somebody:SECRET@git.example.com/shop.git");
    writeFileSync(at("revision"), git("rev-parse", "HEAD"));
  }

  const build = (...args: readonly string[]) => [image, "--path", at("app"), "--env", `CATALOG_URL=${url}/items.json`, ...args];
  const volume = (): readonly string[] => ["--volume", `${at("binding")}:/platform/bindings/company`];

  it("asks the service in the build, and only with the binding", async () => {
    const refused = await tspack(person, ["build", ...build()]);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(/SELF_SIGNED|self-signed|fetch failed/);
    const built = await buildJson(person, build(...volume()), { env: ownCertificates });
    expect(built.log).toMatch(/Added \d+ certificates of \d files? to the build\n/);
    expect(built.log).toContain("catalog: 2 items");
    expect(built.group.map(({ id }) => id)).toContain("tspack/git-metadata");
  });

  it("has labels of the commit, and neither certificate nor password in it", async () => {
    const found = await layoutStore(join(person.home, "data/images")).resolve(parseReference(image));
    const { Labels, Env } = (await found?.config())?.value.config ?? {};
    expect(Labels).toMatchObject({
      "org.opencontainers.image.revision": readFileSync(at("revision"), "utf8"),
      "org.opencontainers.image.source": "https://git.example.com/shop.git",
      "org.opencontainers.image.version": "v1.2.0",
    });
    expect(JSON.stringify([Labels, Env])).not.toMatch(/SECRET|BEGIN CERTIFICATE/);
    const layers = JSON.parse(Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}") as {
      readonly buildpacks: readonly { readonly key: string; readonly layers: object }[];
    };
    const own = layers.buildpacks.find(({ key }) => key === "tspack/ca-certificates");
    expect(Object.keys(own?.layers ?? {})).toEqual(["helper"]);
  });

  it("asks the service at run time with the binding, with the variables of project.toml and of whoever starts it", async () => {
    const port = await freePort();
    const bound = ["-e", "SERVICE_BINDING_ROOT=/bindings", "-v", `${at("binding")}:/bindings/company:ro`];
    const env = ["-e", `PORT=${port}`, "-e", `STOCK_URL=${url}/`, "-e", "FOOTER=open daily", "-e", "LOG_LEVEL=debug"];
    const running = startTspack(person, ["run", ...env, ...bound, image]);
    try {
      const home = await ask(`http://127.0.0.1:${port}/`, running.done);
      expect(home).toEqual({ status: 200, body: "On offer: tea, bread\nopen daily, prices without tax\n" });
      const stock = await ask(`http://127.0.0.1:${port}/stock`, running.done);
      expect(stock).toEqual({ status: 200, body: "12 of each\n" });
      expect(running.output().stdout).toContain("/stock");
    } finally {
      running.child.kill("SIGINT");
      await running.done;
    }
  });

  it("is not answered by the service at run time without the binding", async () => {
    const port = await freePort();
    const running = startTspack(person, ["run", "-e", `PORT=${port}`, "-e", `STOCK_URL=${url}/`, image]);
    try {
      const stock = await ask(`http://127.0.0.1:${port}/stock`, running.done);
      expect(stock).toMatchObject({ body: expect.stringMatching(/SELF_SIGNED|SIGNATURE/) });
    } finally {
      running.child.kill("SIGINT");
      await running.done;
    }
  });
});
