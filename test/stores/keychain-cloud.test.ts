import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../lifecycle/logger.ts";
import { cloudHelpers, cloudKeychain } from "../../lifecycle/stores/keychain-cloud.ts";
import { dockerConfigKeychain } from "../../lifecycle/stores/keychain-docker-config.ts";
import type { Keychain } from "../../lifecycle/stores/store.ts";

let directory = "";
let lines: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-cloud-"));
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const logger = { ...silentLogger, debug: (line: string) => void lines.push(line) };
const ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const good = `cat >>"$0.asked"; echo '{"Username":"u","Secret":"s"}'`;

function helper(name: string, script: string): void {
  const path = join(directory, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
const asked = (name: string): string => readFileSync(join(directory, `docker-credential-${name}.asked`), "utf8");
const open = (path: readonly string[] = [directory]): Keychain =>
  cloudKeychain({ path, logger, env: { PATH: "/usr/bin:/bin" } });

describe("a registry of a cloud is known by its whole name:", () => {
  test.each([
    [ecr, ["ecr-login"]],
    ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", ["ecr-login"]],
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", ["ecr-login"]],
    ["123456789012.dkr-ecr.eu-west-1.on.aws", ["ecr-login"]],
    ["public.ecr.aws", ["ecr-login"]],
    ["team.azurecr.io", ["acr-env"]],
    ["team-a1b2.azurecr.cn", ["acr-env"]],
    ["gcr.io", ["gcr", "gcloud"]],
    ["EU.gcr.io", ["gcr", "gcloud"]],
    ["europe-west4-docker.pkg.dev", ["gcr", "gcloud"]],
  ])("%s", (host, helpers) => expect(cloudHelpers(host)).toEqual(helpers));

  test.each([
    "evil-gcr.io",
    "gcr.io.evil.test",
    "a.b.gcr.io",
    "gcr.io:8443",
    "gcr.io\n",
    "x.dkr.ecr.eu.amazonaws.com",
    `${ecr}.evil.org`,
    `evil.${ecr}`,
    "123456789012.dkr.ecr.eu.evil.amazonaws.com",
    "public.ecr.aws.evil.test",
    "evilazurecr.io",
    "azurecr.io",
    "a.azurecr.io.evil.test",
    "docker.pkg.dev.evil.test",
    "us-docker.pkg.dev.evil.test",
    "us-docker-pkg.dev",
    "npm.pkg.dev",
    "localhost",
  ])("%j is none", (host) => expect(cloudHelpers(host)).toEqual([]));
});

describe("the helper of a cloud", () => {
  test("is asked for its registries when it is installed, and for no others", async () => {
    helper("ecr-login", good);
    expect(await open().resolve(ecr)).toEqual({ kind: "basic", username: "u", password: "s" });
    expect(asked("ecr-login")).toBe(ecr);
    const keychain = open();
    await Promise.all([keychain.resolve(ecr), keychain.resolve(ecr)]);
    expect(asked("ecr-login")).toBe(ecr + ecr);
    expect(await open().resolve("gcr.io")).toBeUndefined();
    expect(await open([]).resolve(ecr)).toBeUndefined();
  });

  test("that fails is a line for the curious, and the next one is asked", async () => {
    helper("gcr", "echo no metadata server >&2; exit 1");
    expect(await open().resolve("gcr.io")).toBeUndefined();
    expect(lines).toEqual([
      expect.stringMatching(/gcr\.io is used without credentials: docker-credential-gcr .*no meta/),
    ]);
    helper("gcloud", good);
    expect(await open().resolve("gcr.io")).toMatchObject({ username: "u" });
  });

  test("is not taken from a relative place, and not when it is a directory or may not be run", async () => {
    helper("gcr", good);
    mkdirSync(join(directory, "bin"));
    cpSync(join(directory, "docker-credential-gcr"), join(directory, "bin/docker-credential-gcr"));
    const cwd = process.cwd();
    process.chdir(directory);
    try {
      for (const path of ["bin", ".", ""]) expect(await open([path]).resolve("gcr.io")).toBeUndefined();
    } finally {
      process.chdir(cwd);
    }
    chmodSync(join(directory, "docker-credential-gcr"), 0o644);
    mkdirSync(join(directory, "docker-credential-gcloud"));
    expect(await open().resolve("gcr.io")).toBeUndefined();
  });
});

describe("with a Docker config the helper of a cloud", () => {
  function configured(document: unknown): Keychain {
    const path = join(directory, "config.json");
    writeFileSync(path, JSON.stringify(document));
    return dockerConfigKeychain(path, { env: { PATH: `${directory}:/usr/bin:/bin` }, others: open() });
  }
  beforeEach(() => helper("ecr-login", good));

  test("is asked when no entry names the registry", async () => {
    const config = configured({ auths: { "other.test": {} }, credHelpers: { "gcr.io": "gcr" } });
    expect(await config.resolve(ecr)).toMatchObject({ username: "u" });
    expect(await dockerConfigKeychain(join(directory, "none.json"), { others: open() }).resolve(ecr)).toBeDefined();
  });

  test.each([{ auths: { [ecr]: {} } }, { credHelpers: { [ecr]: "" } }])("is not asked against %j", async (document) => {
    expect(await configured(document).resolve(ecr)).toBeUndefined();
    expect(() => asked("ecr-login")).toThrow(/ENOENT/);
  });

  test("that somebody configured fails with its name", async () => {
    helper("ecr-login", "echo expired >&2; exit 1");
    await expect(configured({ credHelpers: { [ecr]: "ecr-login" } }).resolve(ecr)).rejects.toMatchObject({
      code: "CREDENTIAL_HELPER_FAILED",
      message: expect.stringMatching(/^docker-credential-ecr-login ended with exit code 1, asked for .*: expired$/),
    });
  });
});
