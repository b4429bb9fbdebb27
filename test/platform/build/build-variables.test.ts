import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  buildVariables,
  type BuildVariableChoice,
  layerVariables,
} from "../../../lifecycle/platform/build/build-variables.ts";
import { sourceVariables } from "../../../lifecycle/platform/build/build-variables-source.ts";
import { placesFrom } from "../../../lifecycle/platform/places.ts";
import type { Env } from "../../../lifecycle/platform/machine.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "tspack-build-variables-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, ...lines: readonly string[]): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), lines.join("\n"));
}

/** The variables less npm's, which npm itself is asked for. */
async function variables(env: Env = {}, choice: BuildVariableChoice = {}): Promise<Readonly<Record<string, string>>> {
  const own = { NPM_CONFIG_REGISTRY: "https://npm.test/", HOME: join(root, "home"), ...env };
  const all = await buildVariables(own, placesFrom({ TSPACK_HOME: root }), root, { etc: join(root, "etc"), ...choice });
  expect(all["NPM_CONFIG_REGISTRY"]).toBe("https://npm.test/");
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== "NPM_CONFIG_REGISTRY"));
}

test("without any configuration nothing is set, so that every tool uses its own default", async () => {
  expect(await variables()).toEqual({});
});

test("pip: the user's file wins over the machine's, [install] over [global], the environment over all", async () => {
  await file("etc/pip.conf", "[global]", "index-url = https://machine.test/simple", "trusted-host: machine.test");
  await file(
    "home/.config/pip/pip.conf",
    "[global]",
    "index_url=https://user.test/simple",
    "[install]",
    "no-deps = no",
  );
  expect(await variables()).toEqual({
    PIP_INDEX_URL: "https://user.test/simple",
    PIP_TRUSTED_HOST: "machine.test",
  });
  await file("home/.pip/pip.conf", "[install]", "index-url = https://install.test/simple");
  expect(await variables()).toMatchObject({ PIP_INDEX_URL: "https://install.test/simple" });
  expect(await variables({ PIP_INDEX_URL: "https://env.test/simple" })).toMatchObject({
    PIP_INDEX_URL: "https://env.test/simple",
  });
  expect(await variables({ PIP_CONFIG_FILE: "/dev/null" })).toEqual({});
});

test("pip: several indexes stand in lines of their own, with comments between", async () => {
  const indexes = ["extra-index-url =", "    https://a.test/simple", "# no", "    https://b.test/simple"];
  await file("etc/pip.conf", "[global]", ...indexes, "index-url = https://c.test");
  expect(await variables()).toEqual({
    PIP_EXTRA_INDEX_URL: "https://a.test/simple https://b.test/simple",
    PIP_INDEX_URL: "https://c.test",
  });
});

test("go: what go env -w wrote counts below the environment, and directories are no proxies for a build", async () => {
  await file("home/.config/go/env", "GOPROXY=file:///home/me/mod,https://go.test,direct", "GOFLAGS=-v", "GOSUMDB=off");
  expect(await variables({ GOPRIVATE: "corp.test" })).toEqual({
    GOPROXY: "https://go.test,direct",
    GOPRIVATE: "corp.test",
    GOSUMDB: "off",
  });
  expect(await variables({ GOENV: "off" })).toEqual({});
  expect(await variables({ GOPROXY: "off" })).toMatchObject({ GOPROXY: "off" });
});

test("Debian: option, variable and settings come before the apt sources", async () => {
  const sources = (uri: string, suites: string): string =>
    `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\n`;
  const security = sources("http://apt.test/sec/debian-security/", "bookworm-security");
  await file("etc/apt/sources.list.d/debian.sources", sources("http://apt.test/debian/", "bookworm"), security);
  const mirrors = { option: "https://option.test/debian", config: "https://config.test/debian" };
  const env = { TSPACK_DEBIAN_MIRROR: "https://env.test/debian" };
  const mirror = async (one: Env, debianMirror = {}): Promise<string | undefined> =>
    (await variables(one, { debianMirror }))["TSPACK_DEBIAN_MIRROR"];
  expect(await mirror(env, mirrors)).toBe("https://option.test/debian");
  expect(await mirror(env, { config: mirrors.config })).toBe("https://env.test/debian");
  expect(await mirror({}, { config: mirrors.config })).toBe("https://config.test/debian");
  expect(await mirror({})).toBe("http://apt.test/debian security=http://apt.test/sec/debian-security");
});

test("Debian: the sources of another distribution, and of programs, are no mirror", async () => {
  await file("etc/apt/sources.list", "deb http://apt.test/ubuntu noble main", "deb https://apt.test/apt tools main");
  expect(await variables()).toEqual({});
});

test("of a source from a Git repository, a build knows commit and address", () => {
  const git = (url: string): object =>
    sourceVariables({ source: { type: "git", version: { commit: "abc" }, metadata: { url, refs: [] } } });
  expect(git("https://me:SECRET@host.test/a")).toEqual({
    TSPACK_SOURCE_REVISION: "abc",
    TSPACK_SOURCE_URL: "https://host.test/a",
  });
  expect(sourceVariables({ source: { type: "archive", version: { commit: "abc" } } })).toEqual({});
  expect(sourceVariables(undefined)).toEqual({});
});

test("no part of a password gets into a build", async () => {
  const secret = "me:SECRET@TAIL@";
  await file("etc/apt/sources.list", `deb http://${secret}apt.test/debian bookworm main`);
  await file("etc/pip.conf", "[global]", `extra-index-url = https://${secret}a.test https://${secret}b.test`);
  const found = await variables({
    PIP_INDEX_URL: `https://${secret}pip.test/simple`,
    GOPROXY: `https://${secret}a.test|https://${secret}b.test,direct`,
  });
  expect(found).toEqual({
    GOPROXY: "https://a.test|https://b.test,direct",
    PIP_EXTRA_INDEX_URL: "https://a.test https://b.test",
    PIP_INDEX_URL: "https://pip.test/simple",
    TSPACK_DEBIAN_MIRROR: "http://apt.test/debian",
  });
});

test("a lifecycle in a container is told how layers are made, only where something was said", () => {
  expect(layerVariables({})).toEqual({});
  expect(layerVariables({ compressionLevel: 0, memory: 200, verifyLayers: true })).toEqual({
    TSPACK_COMPRESSION_LEVEL: "0",
    TSPACK_MEMORY: "200",
    TSPACK_VERIFY_LAYERS: "true",
  });
});
