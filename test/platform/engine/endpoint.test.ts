import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findEngine, parseSsh } from "../../../lifecycle/platform/engine/endpoint.ts";
import { sshArguments } from "../../../lifecycle/platform/engine/ssh.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "endpoint-"));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

function write(name: string, text: string): void {
  const path = join(home, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

function writeContext(name: string, host: string, tls = false): void {
  const id = createHash("sha256").update(name).digest("hex");
  const document = { Name: name, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  write(`.docker/contexts/meta/${id}/meta.json`, JSON.stringify(document));
  if (!tls) return;
  for (const file of ["ca", "cert", "key"]) write(`.docker/contexts/tls/${id}/docker/${file}.pem`, `the ${file}`);
}

describe("the engine that is used", () => {
  test("is the one of DOCKER_HOST, whatever contexts there are", () => {
    writeContext("work", "tcp://work:2375");
    const env = { HOME: home, DOCKER_HOST: "unix:///run/mine.sock", DOCKER_CONTEXT: "work" };
    expect(findEngine(env)).toEqual({
      address: { kind: "unix", path: "/run/mine.sock" },
      source: "env DOCKER_HOST",
    });
  });

  test("is the context of DOCKER_CONTEXT, with its certificates", () => {
    writeContext("work", "tcp://work:2376", true);
    const { address, source } = findEngine({ HOME: home, DOCKER_CONTEXT: "work" });
    const tls = { ca: "the ca", cert: "the cert", key: "the key", verify: true };
    expect(address).toEqual({ kind: "tcp", host: "work:2376", tls });
    expect(source).toBe("context work");
  });

  test("is the context in use, as config.json has it", () => {
    writeContext("remote", "ssh://ada@machine:2222");
    write(".docker/config.json", JSON.stringify({ currentContext: "remote" }));
    expect(findEngine({ HOME: home }).address).toEqual({
      kind: "ssh",
      user: "ada",
      host: "machine",
      port: "2222",
      socket: undefined,
    });
  });

  test("is the first usual socket that is there, Podman's too", () => {
    write("podman.sock", "");
    const usual = [join(home, "docker.sock"), join(home, "podman.sock")];
    expect(findEngine({ HOME: home }, usual).address).toEqual({ kind: "unix", path: join(home, "podman.sock") });
    expect(findEngine({ HOME: home, DOCKER_CONTEXT: "default" }, usual).source).toBe("found");
    expect(findEngine({ HOME: home }, []).address).toEqual({ kind: "unix", path: "/var/run/docker.sock" });
  });

  test("is not guessed when the named context is not there, or is broken", () => {
    expect(() => findEngine({ HOME: home, DOCKER_CONTEXT: "gone" })).toThrow(
      expect.objectContaining({ code: "INVALID_ENV" }),
    );
    write(".docker/config.json", "{");
    expect(() => findEngine({ HOME: home })).toThrow(expect.objectContaining({ code: "INVALID_ENV" }));
  });
});

describe("an engine behind ssh", () => {
  test("is reached by a command whose parts are all of their own", () => {
    expect(sshArguments(parseSsh("ssh://ada@machine.test:2222/run/user/1000/docker.sock", "test"))).toEqual([
      ...["-l", "ada", "-p", "2222", "-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T", "--", "machine.test"],
      ...["docker", "--host", "unix:///run/user/1000/docker.sock", "system", "dial-stdio"],
    ]);
  });

  test.each([
    "ssh://-oProxyCommand=touch",
    "ssh://-l@machine",
    "ssh://ada:secret@machine",
    "ssh://machine/a;touch x",
    "ssh://machine/a/../b",
    "ssh://machine/$(id)",
    "ssh://",
  ])("with the address %s is refused, and no password is repeated", (text) => {
    const attempt = (): unknown => parseSsh(text, "env DOCKER_HOST");
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_ENV" }));
    expect(attempt).not.toThrow(expect.objectContaining({ message: expect.stringContaining("secret") }));
  });
});
