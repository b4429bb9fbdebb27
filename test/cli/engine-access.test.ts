import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { connect as connectPlain, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../lifecycle/cli/engine-access.ts";
import type { EngineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { type FakeEngine, startFakeEngine } from "../fakes/engine.ts";

// CI installs everything: there a missing program is a failure.
const canRun = process.env["CI"] !== undefined || isInstalled("openssl", "version");

describe.skipIf(!canRun)("an engine over TLS (needs openssl)", () => {
  let fake: FakeEngine;
  let server: Server;
  let directory = "";
  let host = "";

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tspack-engine-tls-"));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", ["req", ...kind, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
    execFileSync("cp", [cert, join(directory, "ca.pem")]);
    fake = await startFakeEngine();
    const pem = { key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(cert) };
    // The engine knows its clients by their certificates.
    server = createServer({ ...pem, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) => {
      const inner = connectPlain(fake.socket);
      socket.pipe(inner).pipe(socket);
      socket.on("error", () => inner.destroy());
      inner.on("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await fake.close();
    rmSync(directory, { recursive: true });
  });

  async function versionAt(env: Readonly<Record<string, string>>): Promise<string> {
    const engine: EngineConnection = openEngine(env);
    try {
      return await engine.keepOpen();
    } finally {
      await engine.close();
    }
  }

  test("is reached with the certificates of DOCKER_CERT_PATH", async () => {
    const env = { DOCKER_HOST: host, DOCKER_CERT_PATH: directory, DOCKER_TLS_VERIFY: "1" };
    expect(await versionAt(env)).toBe("1.41");
  });

  test("is not reached without", async () => {
    await expect(versionAt({ DOCKER_HOST: host })).rejects.toMatchObject({ code: "ENGINE_UNREACHABLE" });
  });

  test("is refused when DOCKER_TLS_VERIFY is set and the CA is another", async () => {
    const other = mkdtempSync(join(directory, "other-"));
    const [key, ca] = [join(other, "unused.pem"), join(other, "ca.pem")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", ...kind, "-subj", "/CN=other", "-keyout", key, "-out", ca], { stdio: "ignore" });
    for (const name of ["key.pem", "cert.pem"]) execFileSync("cp", [join(directory, name), other]);
    const env = { DOCKER_HOST: host, DOCKER_CERT_PATH: other };
    await expect(versionAt({ ...env, DOCKER_TLS_VERIFY: "1" })).rejects.toMatchObject({ code: "ENGINE_UNREACHABLE" });
    expect(await versionAt(env)).toBe("1.41");
  });

  test("certificates that are not there are INVALID_ENV", () => {
    const env = { DOCKER_HOST: host, DOCKER_CERT_PATH: join(directory, "nowhere") };
    expect(() => openEngine(env)).toThrow(expect.objectContaining({ code: "INVALID_ENV" }) as Error);
  });
});
