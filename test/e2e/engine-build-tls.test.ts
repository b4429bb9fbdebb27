import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { canStartEngine, startDockerEngine, type TestEngine } from "./docker-engine.ts";
import { freePort } from "./free-port.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { buildJson, type Finished, needs, type Person, removeAll, scratchDirectory, self, tspack } from "./tspack.ts";

const { skip } = needs("openssl", "dockerd");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");

describe.skipIf(skip || !canStart)(
  "a Docker engine behind TLS that knows its clients (needs root, dockerd, openssl)",
  () => {
    let person: Person;
    let engine: TestEngine;
    let directory = "";
    let host = "";
    let app: readonly string[] = [];

    beforeAll(async () => {
      person = await self();
      directory = scratchDirectory("engine-tls");
      await makeScriptedBuilder(person, join(directory, "builder"));
      const build = `printf '[[processes]]\\ntype = "web"\\ncommand = ["ls"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"`;
      app = ["--path", scriptedApp(join(directory, "app"), { build }), "--builder", scriptedBuilder];
      makeCertificates(directory);
      const port = await freePort();
      host = `tcp://127.0.0.1:${port}`;
      const server = join(directory, "server");
      const started = await startDockerEngine(() => [
        ...["--host", host, "--tlsverify", "--tlscacert", join(server, "ca.pem")],
        ...["--tlscert", join(server, "cert.pem"), "--tlskey", join(server, "key.pem")],
      ]);
      if (started === undefined) throw new Error("no engine can be started here");
      engine = started;
    });
    afterAll(async () => {
      await engine.close();
      removeAll(directory);
    });

    const verifying = (certificates: string): Readonly<Record<string, string>> => ({
      DOCKER_HOST: host,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: join(directory, certificates),
    });
    const engineBuild = (env: Readonly<Record<string, string>>): Promise<Finished> =>
      tspack(person, ["build", "e2e/tls", ...app, "--runner", "engine", "--network", "host"], { env });
    const idOf = async (name: string): Promise<unknown> => {
      const connection = engineConnection({ kind: "unix", path: engine.socket });
      const image = await connection.json({ method: "GET", path: `/images/${name}/json` });
      await connection.close();
      return (image as { readonly Id?: string } | undefined)?.Id;
    };
    /** The variables that choose a context with these certificates. */
    const context = (name: string, certificates: string | undefined, endpoint: object = {}) => {
      const config = join(directory, "docker");
      const id = createHash("sha256").update(name).digest("hex");
      const document = {
        Name: name,
        Metadata: {},
        Endpoints: { docker: { Host: host, SkipTLSVerify: false, ...endpoint } },
      };
      mkdirSync(join(config, "contexts/meta", id), { recursive: true });
      writeFileSync(join(config, "contexts/meta", id, "meta.json"), JSON.stringify(document));
      if (certificates !== undefined)
        cpSync(join(directory, certificates), join(config, "contexts/tls", id, "docker"), { recursive: true });
      return { DOCKER_CONFIG: config, DOCKER_CONTEXT: name };
    };

    it("builds with the certificates of DOCKER_CERT_PATH what the sandbox builds, for here and for the engine", async () => {
      const sandbox = await buildJson(person, ["e2e/tls-sandbox", ...app, "--runner", "sandbox"]);
      const args = [...app, "--runner", "engine", "--network", "host"];
      const env = verifying("client");
      const here = await buildJson(person, ["e2e/tls", ...args], { env });
      expect(here.digest).toBe(sandbox.digest);
      expect(here.runner).toContain(host);
      // Containers get no certificates of ours: what they can not reach is done from here.
      const inside = await buildJson(person, ["e2e/tls-inside", ...args, "--output", "engine"], { env });
      expect(inside.log).toContain("only buildpacks run in them");
      expect(await idOf("e2e/tls-inside")).toBe(inside.digest);
      // Or the engine's own socket is mounted.
      const there = [...args, "--output", "engine", "--docker-host", `unix://${engine.socket}`];
      expect((await buildJson(person, ["e2e/tls", ...there], { env })).digest).toMatch(/^sha256:/);
    });

    it("builds with the certificates of a Docker context", async () => {
      expect(await engineBuild(context("work", "client"))).toMatchObject({ code: 0 });
      expect(await engineBuild(context("careless", "careless", { SkipTLSVerify: true }))).toMatchObject({ code: 0 });
    });

    const failures = [
      ["of another CA", "ENGINE_UNREACHABLE", "wrong-ca", "is not signed by the ca.pem"],
      ["that has no certificate for us", "ENGINE_UNREACHABLE", "no-client", "wants a client certificate"],
      ["to which we are a client of somebody else", "ENGINE_UNREACHABLE", "wrong-client", "wants a client certificate"],
      ["for which our key is missing", "INVALID_ENV", "no-key", "key.pem (ENOENT)"],
    ] as const;
    it.each(failures)("says what to do with an engine %s: %s", async (_what, code, certificates, said) => {
      for (const env of [verifying(certificates), context(certificates, certificates)]) {
        const { stderr } = await engineBuild(env);
        expect(stderr).toContain(code);
        expect(stderr).toContain(said);
        if (code === "ENGINE_UNREACHABLE") expect(stderr).toContain(host);
        expect(stderr).not.toContain("PRIVATE KEY");
      }
    });

    it("says what to do when TLS is forgotten, and when a directory of certificates is not there", async () => {
      const plain = await engineBuild({ DOCKER_HOST: host });
      expect(plain.stderr).toContain("ENGINE_ERROR");
      expect(plain.stderr).toContain("set DOCKER_TLS_VERIFY=1");
      const nowhere = await engineBuild(verifying("nowhere"));
      expect(nowhere.stderr).toContain("INVALID_ENV");
      expect(nowhere.stderr).toContain("correct DOCKER_CERT_PATH");
      const foreign = await engineBuild(context("bare", undefined));
      expect(foreign.stderr).toContain("it wants TLS");
    });
  },
);

/** Directories of certificates: those of the server, of a client, and of clients that lack something. */
function makeCertificates(directory: string): void {
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { stdio: "ignore", cwd: directory });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  for (const ca of ["ca", "other-ca"])
    openssl("req", "-x509", ...key, "-subj", `/CN=${ca}`, "-keyout", `${ca}.key`, "-out", `${ca}.pem`);
  const issue = (name: string, ca: string, usage: string): void => {
    const at = join(directory, name);
    mkdirSync(at);
    cpSync(join(directory, "ca.pem"), join(at, "ca.pem"));
    const extensions = join(at, "extensions");
    writeFileSync(extensions, `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=${usage}\n`);
    const [keyFile, request, cert] = ["key.pem", "request.pem", "cert.pem"].map((file) => `${name}/${file}`);
    openssl("req", ...key.slice(0, 5), "-subj", `/CN=${name}`, "-keyout", keyFile ?? "", "-out", request ?? "");
    const signed = ["-CA", `${ca}.pem`, "-CAkey", `${ca}.key`, "-CAcreateserial", "-days", "2", "-extfile", extensions];
    openssl("x509", "-req", "-in", request ?? "", ...signed, "-out", cert ?? "");
    for (const file of ["extensions", "request.pem"]) rmSync(join(at, file));
  };
  issue("server", "ca", "serverAuth");
  issue("client", "ca", "clientAuth");
  issue("wrong-client", "other-ca", "clientAuth");
  const variant = (name: string, change: (at: string) => void): void => {
    cpSync(join(directory, "client"), join(directory, name), { recursive: true });
    change(join(directory, name));
  };
  variant("wrong-ca", (at) => cpSync(join(directory, "other-ca.pem"), join(at, "ca.pem")));
  variant("careless", (at) => cpSync(join(directory, "other-ca.pem"), join(at, "ca.pem")));
  variant("no-client", (at) => ["cert.pem", "key.pem"].forEach((file) => rmSync(join(at, file))));
  variant("no-key", (at) => rmSync(join(at, "key.pem")));
}
