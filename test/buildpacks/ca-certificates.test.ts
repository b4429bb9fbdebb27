import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { capture, Workspace } from "./workspace.ts";

const tools = skipWithout("bash");
const ID = "ca-certificates";
const pem = (name: string): string => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;

describe.skipIf(tools.skip)(`ca-certificates${tools.note}`, () => {
  let workspace: Workspace;
  let system: string;
  beforeEach(() => {
    workspace = new Workspace();
    system = join(workspace.root, "system.crt");
    writeFileSync(system, `${pem("SYSTEM")}\n`);
  });
  afterEach(() => workspace.remove());

  /** Binds files; the directory of all bindings. */
  function bind(files: Readonly<Record<string, string>>, type = "ca-certificates", root = "platform/bindings"): string {
    const directory = join(workspace.root, root, `binding-${type}`);
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries({ type: `${type}\n`, provider: "x", ...files })) {
      writeFileSync(join(directory, name), text);
    }
    return join(workspace.root, root);
  }

  const build = (env = {}): ReturnType<Workspace["build"]> =>
    workspace.build(ID, [], { SSL_CERT_FILE: system, ...env });
  const read = (path: string): string => readFileSync(join(workspace.layers(ID), path), "utf8");

  /** Runs the program of exec.d; what it wrote to descriptor 3 is in `variables`. */
  async function start(
    env: Readonly<Record<string, string>>,
  ): Promise<{ code: number; output: string; variables: string }> {
    const told = join(workspace.root, "told");
    const program = join(workspace.layers(ID), "helper/exec.d/ca-certificates");
    const path = process.env["PATH"] ?? "";
    const command = ["bash", "-c", 'exec "$0" 3>"$1"', program, told];
    const outcome = await capture(command, workspace.root, { PATH: path, TMPDIR: workspace.root, ...env });
    return { ...outcome, variables: readFileSync(told, "utf8") };
  }

  it("takes part for a binding of its type, or when the app shall look for one", async () => {
    bind({ "a.pem": pem("A") }, "other");
    expect(await workspace.detect(ID)).toMatchObject({
      code: 100,
      output: "no service binding of type ca-certificates\n",
    });
    expect(await workspace.detect(ID, { BP_ENABLE_RUNTIME_CERT_BINDING: "true" })).toMatchObject({ code: 0 });
    bind({ "a.pem": pem("A") });
    expect(await workspace.detect(ID)).toMatchObject({ code: 0 });
  });

  it("adds a binding's certificates to the system's for the build, and to no image", async () => {
    bind({ "a.pem": pem("A"), "b.crt": `${pem("B")}\n` });
    expect(await build()).toMatchObject({ code: 0 });
    expect(read("certificates/ca-certificates.crt")).toMatch(/SYSTEM[^]*\nA\n[^]*\nB\n/);
    expect(read("certificates/additional.crt")).not.toContain("SYSTEM");
    expect(read("certificates/env/SSL_CERT_FILE.override")).toBe(
      join(workspace.layers(ID), "certificates/ca-certificates.crt"),
    );
    expect(workspace.toml(ID, "certificates.toml")).toEqual({ types: { build: true, launch: false } });
    expect(workspace.toml(ID, "helper.toml")).toEqual({});
    await build({ BP_EMBED_CERTS: "true" });
    expect(workspace.toml(ID, "certificates.toml")).toEqual({ types: { build: true, launch: true } });
  });

  it.each([
    ["a private key", `${pem("A")}\n-----BEGIN PRIVATE KEY-----\nSECRET\n`, "has a private key in it"],
    ["binary data", "\u0030\u0082", "is no certificate in PEM"],
    ["half a certificate", "-----BEGIN CERTIFICATE-----\nA\n", "is no certificate in PEM"],
  ])("refuses %s with the file's name", async (_, text, message) => {
    bind({ "a.pem": pem("A"), "bad.pem": text });
    const { code, output } = await build();
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`bad\\.pem ${message}`));
    expect(output).not.toContain("SECRET");
  });

  it("the app that starts with a binding gets bundles of its own, with the image's certificates", async () => {
    await build({ BP_ENABLE_RUNTIME_CERT_BINDING: "true" });
    const root = bind({ "a.pem": pem("A") }, "ca-certificates", "run");
    const { code, variables } = await start({ SERVICE_BINDING_ROOT: root, SSL_CERT_FILE: system });
    expect(code).toBe(0);
    const bundle = /^SSL_CERT_FILE = "(.*)"$/m.exec(variables)?.[1] ?? "";
    expect(readFileSync(bundle, "utf8")).toMatch(/SYSTEM[^]*\nA\n/);
    const extra = /^NODE_EXTRA_CA_CERTS = "(.*)"$/m.exec(variables)?.[1] ?? "";
    expect(readFileSync(extra, "utf8").trim()).toBe(pem("A"));
  });

  it("the app that starts without one gets nothing, and one with a bad file does not start", async () => {
    await build({ BP_ENABLE_RUNTIME_CERT_BINDING: "true" });
    expect(await start({})).toMatchObject({ code: 0, variables: "" });
    const root = bind({ "a.pem": "no" }, "ca-certificates", "run");
    const { code, output } = await start({ SERVICE_BINDING_ROOT: root });
    expect(code).not.toBe(0);
    expect(output).toContain("a.pem is no certificate in PEM");
  });

  it("a Java app gets a key store with its own certificates and those of the binding, unless it names one", async () => {
    await build({ BP_ENABLE_RUNTIME_CERT_BINDING: "true" });
    const root = bind({ "a.pem": `text\n${pem("AAAA")}\n${pem("BBBB\nBBBB")}` }, "ca-certificates", "run");
    const home = join(workspace.root, "java");
    mkdirSync(join(home, "lib/security"), { recursive: true });
    writeFileSync(join(home, "lib/security/cacerts"), keyStore([["own", Buffer.from("own")]]));
    const env = { SERVICE_BINDING_ROOT: root, SSL_CERT_FILE: system, JAVA_HOME: home };
    const { code, variables } = await start({ ...env, JAVA_TOOL_OPTIONS: '-Da="b\\c"' });
    expect(code).toBe(0);
    const [, options, store = ""] =
      /^JAVA_TOOL_OPTIONS = "(.*) -Djavax\.net\.ssl\.trustStore=(.*)"$/m.exec(variables) ?? [];
    expect(options).toBe('-Da=\\"b\\\\c\\"');
    const bound = ["AAAA", "BBBBBBBB"].map((text) => Buffer.from(text, "base64"));
    const all = [
      ["own", Buffer.from("own")] as const,
      ...bound.map((der, index) => [`binding-${index + 1}`, der] as const),
    ];
    expect(readFileSync(store)).toEqual(keyStore(all));
    const named = await start({ ...env, JAVA_TOOL_OPTIONS: "-Djavax.net.ssl.trustStore=/x" });
    expect(named.variables).not.toContain("JAVA_TOOL_OPTIONS");

    writeFileSync(join(home, "lib/security/cacerts"), "PKCS12");
    const other = await start(env);
    expect(other).toMatchObject({ code: 0, output: expect.stringContaining("WARNING: Java does not get") });
    expect(other.variables).toContain("NODE_EXTRA_CA_CERTS");
  });
});

/** A store in Java's form JKS, with trusted certificates by their names. */
function keyStore(certificates: readonly (readonly [name: string, der: Buffer])[]): Buffer {
  const u32 = (value: number): Buffer => Buffer.from([24, 16, 8, 0].map((shift) => (value >>> shift) & 255));
  const text = (value: string): Buffer => Buffer.from(`\0${String.fromCharCode(value.length)}${value}`, "latin1");
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(315532801000n);
  const entries = certificates.flatMap(([name, der]) => [
    u32(2),
    text(name),
    time,
    text("X.509"),
    u32(der.length),
    der,
  ]);
  const data = Buffer.concat([u32(0xfeedfeed), u32(2), u32(certificates.length), ...entries]);
  const password = Buffer.from("changeit", "utf16le").swap16();
  return Buffer.concat([data, createHash("sha1").update(password).update("Mighty Aphrodite").update(data).digest()]);
}
