import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dockerConfigKeychain } from "../../lifecycle/stores/keychain-docker-config.ts";
import { jsonErrorOffset } from "../../lifecycle/stores/keychain-json.ts";
import { registryAuthKeychain, registryAuthValue } from "../../lifecycle/stores/keychain-registry-auth.ts";
import { combinedKeychain, registryOfKey } from "../../lifecycle/stores/keychain.ts";

const encode = (text: string): string => Buffer.from(text).toString("base64");
const basic = (username: string, password: string): object => ({ kind: "basic", username, password });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tspack-keychain-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function config(name: string, document: unknown): Promise<string> {
  const path = join(directory, `${name}.json`);
  await writeFile(path, typeof document === "string" ? document : JSON.stringify(document));
  return path;
}

/** Installs a credential helper, a script, and gives the environment that finds it. */
async function helper(name: string, script: string): Promise<{ readonly env: Readonly<Record<string, string>> }> {
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { env: { PATH: `${directory}:/usr/bin:/bin` } };
}

describe("CNB_REGISTRY_AUTH", () => {
  test("gives the credential of exactly the host that it names", async () => {
    const keychain = registryAuthKeychain(
      JSON.stringify({
        "a.test": `Basic ${encode("ada:pass:word")}`,
        "b.test:5000": "Bearer abc",
        "https://c.test/v1/": "X-Identity id",
        "docker.io": `basic ${encode("hub:x")}`,
      }),
    );
    expect(await keychain.resolve("a.test")).toEqual(basic("ada", "pass:word"));
    expect(await keychain.resolve("b.test:5000")).toEqual({ kind: "header", authorization: "Bearer abc" });
    expect(await keychain.resolve("c.test")).toEqual({ kind: "token", identityToken: "id" });
    expect(await keychain.resolve("index.docker.io")).toEqual(basic("hub", "x"));
    for (const other of ["b.test", "a.test:443", "x.a.test", "a.test.evil", "test"]) {
      expect(await keychain.resolve(other)).toBeUndefined();
    }
  });

  test("that is empty knows nobody", async () => {
    expect(await registryAuthKeychain("").resolve("a.test")).toBeUndefined();
    expect(await registryAuthKeychain("{}").resolve("a.test")).toBeUndefined();
  });

  test("that is broken is INVALID_ENV with all problems and none of the secrets", () => {
    const text = JSON.stringify({ "a.test": "Digest geheim", "b.test": 3, "c.test": "Basic geheim" });
    const failure = caught(() => registryAuthKeychain(text));
    expect(failure).toMatchObject({ code: "INVALID_ENV", issues: [{ path: "a.test" }, { path: "b.test" }, {}] });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("geheim");
  });

  test("with header and host swapped does not show the header", () => {
    const failure = caught(() => registryAuthKeychain(JSON.stringify({ "Basic geheim": "a.test" })));
    expect(failure).toMatchObject({ code: "INVALID_ENV" });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("geheim");
  });

  test("that is no JSON says where, and does not quote it", () => {
    const failure = caught(() => registryAuthKeychain('{\n  "a.test": geheim }'));
    expect(failure).toMatchObject({ code: "INVALID_ENV", issues: [{ source: "env CNB_REGISTRY_AUTH:2:13" }] });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("geheim");
  });

  test("is written so that it reads back the same", async () => {
    const text = JSON.stringify({ "a.test": `Basic ${encode("u:p")}`, "b.test": "Bearer t", "c.test": "X-Identity i" });
    expect(await registryAuthValue(registryAuthKeychain(text), ["c.test", "b.test", "a.test", "d.test"])).toBe(text);
  });
});

describe("Docker's config.json", () => {
  test("that is missing knows nobody", async () => {
    expect(await dockerConfigKeychain(join(directory, "none.json")).resolve("a.test")).toBeUndefined();
  });

  test("gives passwords and tokens by exact host", async () => {
    const path = await config("auths", {
      auths: {
        "a.test": { auth: encode("ada:pass:word") },
        "https://b.test/v2/": { username: "bob", password: "pw" },
        "c.test:5000": { auth: encode("x:y"), identitytoken: "id" },
        "d.test": { registrytoken: "tok" },
        "https://index.docker.io/v1/": { auth: encode("hub:pw\0\0") },
        "e.test/team": { auth: encode("team:pw") },
        "f.test": {},
      },
      HttpHeaders: { "X-Other": "1" },
    });
    const keychain = dockerConfigKeychain(path);
    expect(await keychain.resolve("a.test")).toEqual(basic("ada", "pass:word"));
    expect(await keychain.resolve("b.test")).toEqual(basic("bob", "pw"));
    expect(await keychain.resolve("c.test:5000")).toEqual({ kind: "token", identityToken: "id" });
    expect(await keychain.resolve("d.test")).toEqual({ kind: "header", authorization: "Bearer tok" });
    expect(await keychain.resolve("index.docker.io")).toEqual(basic("hub", "pw"));
    for (const other of ["c.test", "e.test", "f.test", "b.test:443"]) {
      expect(await keychain.resolve(other)).toBeUndefined();
    }
  });

  test.each([
    ['{\n "auths": {},\n}', "INVALID_JSON", ":3:1"],
    ['{"auths": {"a.test": {"auth": "no base64!"}}, "credHelpers": []}', "INVALID_JSON", ""],
    ["", "INVALID_JSON", ":1:1"],
  ])("that is broken (%j) is %s", async (text, code, position) => {
    const path = await config("broken", text);
    await expect(dockerConfigKeychain(path).resolve("a.test")).rejects.toMatchObject({
      code,
      issues: expect.arrayContaining([expect.objectContaining({ source: `${path}${position}` })]),
    });
  });

  test("asks the helper of a host, by standard input and with no secret in its arguments", async () => {
    const seen = join(directory, "seen");
    const env = await helper("mine", `echo "$@" >${seen}; cat >>${seen}; echo '{"Username":"u","Secret":"s"}'`);
    const path = await config("helpers", {
      auths: { "a.test": { auth: encode("not:this") } },
      credHelpers: { "a.test": "mine", "docker.io": "mine" },
    });
    const keychain = dockerConfigKeychain(path, env);
    expect(await keychain.resolve("a.test")).toEqual(basic("u", "s"));
    expect(await readFile(seen, "utf8")).toBe("get\na.test");
    await keychain.resolve("index.docker.io");
    expect(await readFile(seen, "utf8")).toBe("get\nhttps://index.docker.io/v1/");
  });

  test("asks the store for all others, and falls back to auths when it has none", async () => {
    const env = await helper("store", 'echo "credentials not found in native keychain"; exit 1');
    const path = await config("store", { auths: { "a.test": { auth: encode("u:p") } }, credsStore: "store" });
    expect(await dockerConfigKeychain(path, env).resolve("a.test")).toEqual(basic("u", "p"));
    expect(await dockerConfigKeychain(path, env).resolve("b.test")).toBeUndefined();
  });

  test("knows identity tokens by the helper's user name", async () => {
    const env = await helper("token", `cat >/dev/null; echo '{"Username":"<token>","Secret":"id"}'`);
    const path = await config("token", { credsStore: "token" });
    expect(await dockerConfigKeychain(path, env).resolve("a.test")).toEqual({ kind: "token", identityToken: "id" });
  });

  test.each([
    ["fails", "echo broken >&2; exit 3", "fails"],
    ["nonsense", "cat >/dev/null; echo Secret geheim", "nonsense"],
    ["empty", `cat >/dev/null; echo '{"Username":3}'`, "empty"],
    ["there", "exit 0", "missing"],
    ["odd name", `cat >/dev/null; echo '{"Username":"u","Secret":"s"}'`, "odd name"],
    ["there", "exit 0", "../there"],
    ["hangs", "sleep 5", "hangs"],
  ])("with a helper that %s (%j) called %s is CREDENTIAL_HELPER_FAILED", async (name, script, used) => {
    const env = await helper(name, script);
    const path = await config("failing", { credHelpers: { "a.test": used } });
    const failure = await dockerConfigKeychain(path, { ...env, timeout: 500 })
      .resolve("a.test")
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CREDENTIAL_HELPER_FAILED" });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("geheim");
  });
});

test("the first keychain that knows a registry is asked", async () => {
  const first = registryAuthKeychain(JSON.stringify({ "a.test": "Bearer 1" }));
  const second = registryAuthKeychain(JSON.stringify({ "a.test": "Bearer 2", "b.test": "Bearer 3" }));
  const keychain = combinedKeychain([first, second]);
  expect(await keychain.resolve("a.test")).toMatchObject({ authorization: "Bearer 1" });
  expect(await keychain.resolve("b.test")).toMatchObject({ authorization: "Bearer 3" });
  expect(await keychain.resolve("c.test")).toBeUndefined();
});

test("a key with a path is not a key for the whole registry", () => {
  expect(registryOfKey("quay.test/team")).toBeUndefined();
  expect(registryOfKey("https://Quay.test/v2/")).toBe("quay.test");
  expect(registryOfKey("registry-1.docker.io")).toBe("index.docker.io");
});

test("the position of an error in JSON is the length of its longest valid beginning", () => {
  fc.assert(fc.property(fc.json(), (json) => jsonErrorOffset(json) === json.length));
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (value, at) => {
      const json = JSON.stringify([value]);
      const point = at % json.length;
      // A control character is nowhere valid.
      expect(jsonErrorOffset(`${json.slice(0, point)}\u0001${json.slice(point)}`)).toBeLessThanOrEqual(point);
    }),
  );
});

test.each(["[", '{"a":', '[{"a":['])(
  "JSON that nests deeper than the call stack goes (%s) is an error like any other",
  (part) => {
    const json = part.repeat(100_000);
    expect(jsonErrorOffset(json)).toBe(json.length);
    expect(jsonErrorOffset(`${json}}`)).toBe(json.length);
  },
);

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
