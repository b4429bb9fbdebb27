import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import type { Finding } from "../../lifecycle/platform/doctor/finding.ts";
import { certificateFindings } from "../../lifecycle/platform/doctor/network.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

let home = "";
const started: FakeRegistry[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tspack-doctor-"));
});
afterEach(async () => {
  for (const registry of started.splice(0)) await registry.close();
  rmSync(home, { recursive: true });
});

async function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const said = { out: "", err: "" };
  const code = await runTspack({
    argv,
    env: { HOME: home, TSPACK_HOME: join(home, "tspack"), PATH: process.env["PATH"], DOCKER_HOST: nobody(), ...env },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

const nobody = (): string => `unix://${home}/no.sock`;

async function findings(argv: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { out } = await run(["doctor", "--json", ...argv], env);
  const document = JSON.parse(out) as { readonly ok: boolean; readonly findings: readonly Finding[] };
  const find = (name: string, area?: string): Finding | undefined =>
    document.findings.find((one) => one.name === name && (area === undefined || one.area === area));
  return { ...document, find, out };
}

function settings(text: string): void {
  mkdirSync(join(home, "tspack/config"), { recursive: true });
  writeFileSync(join(home, "tspack/config/config.toml"), text);
}

describe("doctor", () => {
  test("says of each registry that somebody logged in to whether the credential is taken, and shows none", async () => {
    const auth = { kind: "basic", username: "ada", password: "hunter2" } as const;
    const [right, wrong] = [await startFakeRegistry({ auth }), await startFakeRegistry({ auth })];
    started.push(right, wrong);
    const of = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
    mkdirSync(join(home, ".docker"));
    const auths = { [right.host]: of("ada:hunter2"), [wrong.host]: of("ada:stale-one") };
    writeFileSync(join(home, ".docker/config.json"), JSON.stringify({ auths }));
    const { find, out } = await findings(["--registry", "127.0.0.1:1"]);
    expect(find(right.host)).toMatchObject({ state: "ok", detail: expect.stringContaining("credential is taken") });
    expect(find(wrong.host)).toMatchObject({
      state: "warning",
      remedy: expect.stringContaining(`tspack login ${wrong.host}`),
    });
    expect(find("127.0.0.1:1")).toMatchObject({ state: "warning", area: "registry" });
    for (const secret of ["hunter2", "stale-one", of("ada:hunter2").auth]) expect(out).not.toContain(secret);
  });

  test("hides the passwords of proxies and of engines", async () => {
    const env = { HTTPS_PROXY: "http://ada:hunter2@proxy.test:3128", DOCKER_HOST: "tcp://ada:hunter2@127.0.0.1:1" };
    const { find, out } = await findings([], env);
    expect(find("HTTPS_PROXY")?.detail).toBe("http://***@proxy.test:3128");
    expect(out).not.toContain("hunter2");
  });

  test("says that credentials of Maven are not handed on, and how they are", async () => {
    mkdirSync(join(home, ".m2"));
    const server = "<server><id>a</id><username>ada</username><password>hunter2</password></server>";
    writeFileSync(join(home, ".m2/settings.xml"), `<settings><!-- ${server} --></settings>`);
    expect((await findings()).find("settings.xml")).toBeUndefined();
    writeFileSync(join(home, ".m2/settings.xml"), `<settings><servers>${server}</servers></settings>`);
    const { find, out } = await findings();
    expect(find("settings.xml", "maven")).toMatchObject({
      state: "warning",
      detail: expect.stringMatching(/^1 of its servers/),
      remedy: expect.stringContaining("/platform/bindings/maven"),
    });
    expect(out).not.toContain("hunter2");
  });

  test("names an engine that does not answer, with what to do", async () => {
    const { find } = await findings();
    expect(find(nobody())).toMatchObject({
      area: "engine",
      state: "warning",
      remedy: expect.stringContaining("--runner sandbox"),
    });
  });

  test("fails for settings that can not be read, and goes on", async () => {
    settings('runer = "engine"\n');
    const { ok, find } = await findings();
    expect([ok, find("config.toml")?.state]).toEqual([false, "failed"]);
    expect(find("config.toml")?.detail).toContain("did you mean runner?");
    const { code, out } = await run(["doctor"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^FAIL +settings config.toml/m);
    expect(out).toMatch(/^ +do: correct /m);
  });

  test("fails when nothing can be kept", async () => {
    const { ok, find } = await findings([], { TSPACK_HOME: "/dev/null/tspack" });
    expect([ok, find("images")?.state]).toEqual([false, "failed"]);
    expect(find("images")?.remedy).toContain("TSPACK_HOME");
  });

  test("fails without a runner", async () => {
    const { ok, find } = await findings([], { PATH: home });
    expect([ok, find("any", "runner")?.state]).toEqual([false, "failed"]);
    expect(find("git")).toMatchObject({ state: "warning", remedy: "install git" });
    expect(find("sandbox (bubblewrap)")?.remedy).toContain("install bubblewrap");
  });

  test("reads certificates", () => {
    const now = new Date();
    expect(certificateFindings(undefined, now)[0]?.state).toBe("ok");
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(certificateFindings(broken, now)[0]).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("1 can not be read"),
    });
    expect(certificateFindings("no certificate", now)[0]?.state).toBe("warning");
  });
});

describe("report", () => {
  const secret = { HTTP_PROXY: "http://ada:hunter2@proxy.test", CNB_REGISTRY_AUTH: '{"r.test":"Basic eDp5"}' };

  test("has versions and choices, and no name of anybody's", async () => {
    settings(
      'runner = "sandbox"\ndefault-builder-image = "r.test/b"\n[registry-mirrors]\n"a.test" = "m.test"\n[[trusted-builders]]\nname = "r.test/b"\n[[registries]]\nname = "r.test"\nurl = "https://r.test"\n',
    );
    const { code, out } = await run(["report", "--json"], secret);
    expect(code).toBe(0);
    const document = JSON.parse(out) as { readonly settings: object; readonly variables: object };
    expect(document.settings).toEqual({
      "default-builder-image": "(hidden)",
      runner: "sandbox",
      experimental: false,
      "run-images": [],
      "registry-mirrors": { "(hidden 1)": "(hidden)" },
      "trusted-builders": [{ name: "(hidden)" }],
      registries: [{ name: "(hidden)", url: "(hidden)", type: "(hidden)" }],
    });
    expect(document.variables).toMatchObject({ HTTP_PROXY: "set", CNB_REGISTRY_AUTH: "set" });
    for (const name of ["r.test", "m.test", "a.test", "proxy.test", "hunter2", home]) expect(out).not.toContain(name);
  });

  test("shows names, but no secret, when asked to", async () => {
    settings('default-builder-image = "r.test/b"\n');
    const { out } = await run(["report", "--explicit"], secret);
    expect(out).toContain("default-builder-image: r.test/b");
    expect(out).toContain("HTTP_PROXY: http://***@proxy.test");
    expect(out).not.toMatch(/hunter2|eDp5/);
  });
});

describe("version", () => {
  test("is one that tools can compare", async () => {
    const semantic = /^\d+\.\d+\.\d+\+[0-9A-Za-z.-]+\n$/;
    for (const argv of [["version"], ["--version"]]) expect((await run(argv)).out).toMatch(semantic);
    const { out } = await run(["version", "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      node: process.versions.node,
      platformApis: expect.arrayContaining(["0.15"]),
    });
  });
});
