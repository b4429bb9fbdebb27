import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import { dockerConfigKeychain } from "../../lifecycle/stores/keychain-docker-config.ts";
import type { FakeAuth } from "../fakes/registry-auth.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

let home = "";
let file = "";
const started: FakeRegistry[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tspack-login-"));
  file = join(home, ".docker/config.json");
});
afterEach(async () => {
  for (const registry of started.splice(0)) await registry.close();
  rmSync(home, { recursive: true });
});

async function start(auth: FakeAuth): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ auth });
  started.push(registry);
  return registry;
}
const ada = { username: "ada", password: "secret:word" } as const;

async function run(argv: readonly string[], stdin?: string, env: Readonly<Record<string, string>> = {}) {
  const said = { out: "", err: "" };
  const code = await runTspack({
    argv,
    env: { HOME: home, PATH: `${home}/bin:${process.env["PATH"] ?? ""}`, ...env },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdin: stdin === undefined ? undefined : Readable.from([Buffer.from(stdin)]),
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

const login = (host: string, password = `${ada.password}\n`, ...more: readonly string[]) =>
  run(["login", host, "-u", "ada", "--password-stdin", ...more], password);

function write(document: object): void {
  mkdirSync(join(home, ".docker"), { recursive: true });
  writeFileSync(file, JSON.stringify(document));
}

const read = (): unknown => JSON.parse(readFileSync(file, "utf8"));

/** A helper that keeps what it gets in a file. */
function installHelper(name: string): string {
  const kept = join(home, "kept");
  mkdirSync(join(home, "bin"), { recursive: true });
  const script = `#!/bin/sh\n{ echo "$1 $#"; cat; echo; } >> ${kept}\n`;
  writeFileSync(join(home, `bin/docker-credential-${name}`), script, { mode: 0o755 });
  return kept;
}

describe("login", () => {
  test.each([
    ["basic", { kind: "basic", ...ada }],
    ["tokens", { kind: "bearer", ...ada }],
  ] as const)("at a registry with %s keeps the password where the keychain finds it", async (_name, auth) => {
    const { host } = await start(auth);
    const { code, out } = await login(host);
    expect([code, out]).toEqual([0, `Logged in to ${host} as ada; the password is kept in ${file}\n`]);
    expect(await dockerConfigKeychain(file).resolve(host)).toEqual({ kind: "basic", ...ada });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, ".docker")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(home, ".docker"))).toEqual(["config.json"]);
  });

  test.each([
    ["basic", { kind: "basic", ...ada }],
    ["tokens", { kind: "bearer", ...ada }],
  ] as const)("with a wrong password at a registry with %s keeps nothing", async (_name, auth) => {
    const { host } = await start(auth);
    const { code, out, err } = await login(host, "wrong-one");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("UNAUTHORIZED");
    expect(err).not.toContain("wrong-one");
    expect(readdirSync(home)).not.toContain(".docker");
  });

  test("keeps everything else of the file, and one entry per registry", async () => {
    const { host } = await start({ kind: "basic", ...ada });
    const others = { "other.test": { auth: "b3RoZXI6eA==" }, "https://index.docker.io/v1/": { identitytoken: "t" } };
    write({
      psFormat: "x",
      auths: { ...others, [`http://${host}/v2/`]: { auth: "b2xkOm9sZA==" } },
      HttpHeaders: { a: "b" },
    });
    await login(host);
    const auth = Buffer.from("ada:secret:word").toString("base64");
    expect(read()).toEqual({ psFormat: "x", auths: { ...others, [host]: { auth } }, HttpHeaders: { a: "b" } });
  });

  test("hands the password to the helper that is configured for the registry, and not to the file", async () => {
    const { host } = await start({ kind: "basic", ...ada });
    const kept = installHelper("vault");
    write({ credsStore: "another", credHelpers: { [host]: "vault" } });
    const { code, out } = await login(host);
    expect([code, out]).toEqual([0, expect.stringContaining("docker-credential-vault")]);
    const [words = "", document = ""] = readFileSync(kept, "utf8").split("\n");
    expect(words).toBe("store 1");
    expect(JSON.parse(document)).toEqual({ ServerURL: host, Username: "ada", Secret: ada.password });
    expect(read()).toEqual({ credsStore: "another", credHelpers: { [host]: "vault" }, auths: { [host]: {} } });
  });

  test("says that a helper is missing, and keeps nothing", async () => {
    const { host } = await start({ kind: "basic", ...ada });
    write({ credsStore: "missing" });
    const { code, err } = await login(host);
    expect(code).toBe(1);
    expect(err).toContain("docker-credential-missing could not be used");
    expect(err).not.toContain(ada.password);
    expect(read()).toEqual({ credsStore: "missing" });
  });

  test("warns when the registry asks nobody", async () => {
    const { host } = await start({ kind: "none" });
    const { code, err } = await login(host);
    expect([code, err]).toEqual([0, expect.stringContaining("could not be checked")]);
  });

  test("does not touch a file that is broken", async () => {
    const { host, seen } = await start({ kind: "basic", ...ada });
    mkdirSync(join(home, ".docker"));
    writeFileSync(file, '{"auths": {"x": {"auth": "c2VjcmV0"}');
    const { code, err } = await login(host);
    expect([code, seen.length]).toEqual([1, 0]);
    expect(err).toContain("INVALID_JSON");
    expect(err).not.toContain("c2VjcmV0");
  });

  test.each([
    [["-u", "ada", "-p", "hunter2"], "x", "--password-stdin: other processes"],
    [["--password-stdin"], "x", "--username"],
    [["-u", "a:b", "--password-stdin"], "x", "without a colon"],
    [["-u", "ada"], "x", "--password-stdin"],
    [["-u", "ada", "--password-stdin"], undefined, "standard input"],
    [["-u", "ada", "--password-stdin"], "\n", "standard input"],
    [["-u", "ada", "--password-stdin"], "a\nb\n", "more than one line"],
  ])("%j with %j on standard input is refused", async (options, stdin, expected) => {
    const { code, err } = await run(["login", "registry.test", ...options], stdin);
    expect([code, err]).toEqual([3, expect.stringContaining(expected)]);
    expect(err).not.toContain("hunter2");
    expect(readdirSync(home)).toEqual([]);
  });

  test.each(["registry.test/team", "https://me:hunter2@registry.test", "a b"])("%s is no registry", async (name) => {
    const { code, err } = await run(["login", name, "-u", "ada", "--password-stdin"], "x");
    expect([code, err]).toEqual([3, expect.stringContaining("HOST[:PORT]")]);
    expect(err).not.toContain("hunter2");
  });
});

describe("logout", () => {
  test("forgets every spelling of the registry and nothing else", async () => {
    write({
      auths: { "https://registry.test/v2/": { auth: "x" }, "registry.test": {}, "other.test": {} },
      currentContext: "c",
    });
    expect((await run(["logout", "registry.test"])).out).toBe("Logged out of registry.test\n");
    expect(read()).toEqual({ auths: { "other.test": {} }, currentContext: "c" });
    const again = await run(["logout", "registry.test"]);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("There is no password")]);
  });

  test("asks the helper to forget", async () => {
    const kept = installHelper("vault");
    write({ credsStore: "vault", auths: { "https://index.docker.io/v1/": {} } });
    expect((await run(["logout"])).code).toBe(0);
    expect(readFileSync(kept, "utf8")).toBe("erase 1\nhttps://index.docker.io/v1/\n");
    expect(read()).toEqual({ credsStore: "vault", auths: {} });
  });
});
