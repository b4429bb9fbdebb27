import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { existsSync, lstatSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { rangesOfNpm, satisfying, versionsOfNpm } from "../buildpacks/ranges.ts";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { type Environment, type Outcome, Workspace } from "../buildpacks/workspace.ts";
import { readExpectation, SAMPLES, sampleDirectory } from "./samples.ts";

const tools = skipWithout("bash", "jq", "curl", "tar", "npm");
const registry = tools.skip ? undefined : await reachableRegistry();
const skip = tools.skip || registry === undefined;
const note = tools.note || (skip ? " (skipped: no npm registry answers)" : "");

/** The registry of the user's npm configuration, if it answers. */
async function reachableRegistry(): Promise<string | undefined> {
  const url = execFileSync("npm", ["config", "get", "registry"], { stdio: ["ignore", "pipe", "ignore"] })
    .toString()
    .trim();
  try {
    execFileSync("curl", ["--fail", "--silent", "--max-time", "20", "--output", "/dev/null", `${url}npm/latest`]);
    return url;
  } catch (cause) {
    if (process.env["CI"]) throw new Error("CI needs an npm registry", { cause });
    return undefined;
  }
}

/** What a platform hands on: the registry and the authorities, nothing else of this machine. */
function platformEnvironment(): Environment {
  const names = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"];
  const given = names.map((name) => [name, process.env[name]] as const).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), NPM_CONFIG_REGISTRY: registry ?? "" };
}

/** The default order by hand: what detects is built, with the build environment of the layers before it. */
async function buildApp(workspace: Workspace, env: Environment = {}): Promise<Outcome & { readonly ids: string[] }> {
  const ids: string[] = [];
  for (const id of ["nodejs", "npm-install", "npm-start", "procfile"]) {
    const { code, output } = await workspace.detect(id, env);
    if (code === 0) ids.push(id);
    else if (code !== 100) throw new Error(`${id}: ${output}`);
  }
  let output = "";
  const entries = ids.includes("npm-install") ? ["node", "npm"] : ["node"];
  const layers = workspace.layers("nodejs");
  for (const id of ids) {
    const outcome = await workspace.build(id, entries, {
      ...platformEnvironment(),
      PATH: id === "nodejs" ? systemPath() : `${layers}/npm/bin:${layers}/node/bin:${systemPath()}`,
      npm_package_config_node_gyp_nodedir: `${layers}/npm/headers`,
      ...env,
    });
    output += outcome.output;
    if (outcome.code !== 0) return { code: outcome.code, output, ids };
  }
  return { code: 0, output, ids };
}

/** Without this machine's own Node.js, which must play no part. */
function systemPath(): string {
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/** As after a restore: a new copy of the sources, cached layers with their metadata, of launch layers only metadata. */
function restoreForSecondBuild(workspace: Workspace, source?: string): void {
  if (source !== undefined) workspace.replaceApp(source);
  rmSync(join(workspace.layers("npm-install"), "modules"), { recursive: true, force: true });
  for (const id of ["nodejs", "npm-install", "npm-start"])
    rmSync(join(workspace.layers(id), "launch.toml"), { force: true });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts the web process as the launcher would, asks it once, and ends it with SIGTERM. */
async function askWebProcess(workspace: Workspace, path: string) {
  const { processes } = workspace.toml("npm-start", "launch.toml") as { processes: { command: string[] }[] };
  const [file = "", ...args] = processes[0]?.command ?? [];
  const port = await freePort();
  const child = spawn(file, args, {
    cwd: workspace.app,
    env: { PATH: `${workspace.layers("nodejs")}/node/bin:${systemPath()}`, PORT: String(port), NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "exit");
  try {
    await once(child.stdout, "data");
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, body: await response.text() };
  } finally {
    child.kill("SIGTERM");
    const [code] = await closed;
    expect(code).toBe(0);
  }
}

describe.skipIf(skip)(`the buildpacks on real applications${note}`, () => {
  // One Node.js for all: downloading it is most of the time.
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
  });
  afterAll(() => {
    workspace.remove();
  });
  beforeEach(() => {
    workspace.replaceApp();
    for (const id of ["npm-install", "npm-start"]) rmSync(workspace.layers(id), { recursive: true });
  });

  it.each(SAMPLES)("builds and starts %s, and reuses its layers", async (name) => {
    const expected = readExpectation(name);
    workspace.replaceApp(sampleDirectory(name));
    const first = await buildApp(workspace);
    expect(first).toMatchObject({ code: 0, ids: expected.buildpacks.map((id) => id.replace("tspack/", "")) });
    for (const pattern of expected.firstBuild) expect(first.output).toMatch(pattern);
    expect(workspace.toml("npm-start", "launch.toml")["processes"]).toEqual(expected.processes);
    for (const [id, layers] of Object.entries(expected.layers)) {
      for (const [layer, flags] of Object.entries(layers)) {
        const { types } = workspace.toml(id.replace("tspack/", ""), `${layer}.toml`) as { types: object };
        expect({ build: false, launch: false, cache: false, ...types }, `${id} ${layer}`).toEqual(flags);
      }
    }
    const answer = await askWebProcess(workspace, expected.http.path);
    expect(answer.status).toBe(expected.http.status);
    expect(answer.body).toMatch(expected.http.body);

    restoreForSecondBuild(workspace, sampleDirectory(name));
    const second = await buildApp(workspace);
    expect(second.code).toBe(0);
    for (const pattern of expected.secondBuild) expect(second.output).toMatch(pattern);
    expect(second.output).not.toMatch(/Fetched|npm ci/);
  });

  it("keeps packages for development out of the image, and lists the others in the SBOM", async () => {
    workspace.replaceApp(sampleDirectory("node-express"));
    await buildApp(workspace);
    const layers = workspace.layers("npm-install");
    expect(existsSync(join(layers, "modules/node_modules/express"))).toBe(true);
    expect(existsSync(join(layers, "modules/node_modules/supertest"))).toBe(false);
    const text = readFileSync(join(layers, "modules.sbom.cdx.json"), "utf8");
    const names = (JSON.parse(text) as { components: { name: string }[] }).components.map(({ name }) => name);
    expect(names).toContain("express");
    expect(names).not.toContain("supertest");

    restoreForSecondBuild(workspace);
    rmSync(join(layers, "modules.sbom.cdx.json"));
    await buildApp(workspace);
    expect(readFileSync(join(layers, "modules.sbom.cdx.json"), "utf8")).toBe(text);
  });

  it("keeps packages for development in an image for tests", async () => {
    workspace.replaceApp(sampleDirectory("node-express"));
    const outcome = await buildApp(workspace, { CNB_EXEC_ENV: "test" });
    expect(outcome.code).toBe(0);
    expect(existsSync(join(workspace.layers("npm-install"), "modules/node_modules/supertest"))).toBe(true);
  });

  it("installs anew when the lock has changed", async () => {
    workspace.replaceApp(sampleDirectory("node-express"));
    await buildApp(workspace);
    restoreForSecondBuild(workspace, sampleDirectory("node-express"));
    const lock = readFileSync(join(workspace.app, "package-lock.json"), "utf8");
    workspace.write("package-lock.json", `${lock}\n`);
    const { output } = await buildApp(workspace);
    expect(output).toContain(
      "npm ci: package.json, package-lock.json, .npmrc or the version of Node.js or npm has changed",
    );
  });

  it("runs the build script with packages for development, then leaves those out; imports resolve from the layer", async () => {
    const app = () => {
      workspace.replaceApp();
      workspace.write("package.json", {
        type: "module",
        engines: { node: ">=22" },
        scripts: {
          build:
            "node -e \"require('fs').writeFileSync('built.js', 'import ms from \\'ms\\'; export default ' + require('is-number')(5) + ' && ms(1000)')\"",
          start: "node server.js",
        },
        dependencies: { ms: "2.1.3" },
        devDependencies: { "is-number": "7.0.0" },
      });
      workspace.write(".npmrc", "omit-lockfile-registry-resolved=true\n");
      workspace.write("server.js", "import built from './built.js'; console.log(built);");
    };
    app();
    const layers = workspace.layers("nodejs");
    const env = {
      ...platformEnvironment(),
      PATH: `${layers}/npm/bin:${layers}/node/bin:${systemPath()}`,
      HOME: workspace.root,
    };
    execFileSync("npm", ["install", "--package-lock-only"], { cwd: workspace.app, env });
    const lock = readFileSync(join(workspace.app, "package-lock.json"), "utf8");

    const first = await buildApp(workspace);
    expect(first).toMatchObject({ code: 0 });
    expect(lstatSync(join(workspace.app, "node_modules")).isSymbolicLink()).toBe(true);
    const modules = realpathSync(join(workspace.app, "node_modules"));
    expect(existsSync(join(modules, "ms"))).toBe(true);
    expect(existsSync(join(modules, "is-number"))).toBe(false);
    expect(execFileSync(join(layers, "node/bin/node"), ["server.js"], { cwd: workspace.app }).toString()).toBe("1s\n");

    app();
    workspace.write("package-lock.json", lock);
    restoreForSecondBuild(workspace);
    const second = await buildApp(workspace);
    expect(second.code).toBe(0);
    expect(second.output).toContain("Reusing cached packages for the build script: lock unchanged");
    expect(second.output).toContain("Reusing cached node_modules: lock unchanged");
    expect(existsSync(join(workspace.app, "built.js"))).toBe(true);
  });

  it("warns when there is no lock, and reports the exit code of a build script that fails", async () => {
    workspace.write("package.json", { dependencies: { ms: "2.1.3" }, scripts: { build: "echo my own words; exit 7" } });
    const outcome = await buildApp(workspace);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("npm install: there is no package-lock.json");
    expect(outcome.output).toContain("my own words");
    expect(outcome.output).toContain("the build script of package.json failed with exit code 7");
    expect(existsSync(join(workspace.app, "package-lock.json"))).toBe(false);
  });

  it("links workspaces to the application, not to the layer", async () => {
    workspace.write("package.json", {
      workspaces: ["packages/*"],
      dependencies: { one: "1.0.0" },
      scripts: { start: "node server.js" },
    });
    workspace.write("packages/one/package.json", { name: "one", version: "1.0.0", dependencies: { ms: "2.1.3" } });
    workspace.write("packages/one/index.js", "module.exports = require('ms')(60000);");
    workspace.write("server.js", "console.log(require('one'));");
    expect(await buildApp(workspace)).toMatchObject({ code: 0 });
    const node = join(workspace.layers("nodejs"), "node/bin/node");
    expect(execFileSync(node, ["server.js"], { cwd: workspace.app }).toString()).toBe("1m\n");
  });

  it("understands ranges exactly as the npm that it installs does", async () => {
    workspace.write("package.json", { dependencies: { ms: "2.1.3" } });
    await workspace.build("nodejs", ["node", "npm"], platformEnvironment());
    const semver = createRequire(join(workspace.layers("nodejs"), "npm/lib/npm/package.json"))("semver") as {
      validRange(range: string): string | null;
      satisfies(version: string, range: string): boolean;
    };
    const cases = fc.sample(
      fc.record({ range: rangesOfNpm(), versions: fc.array(versionsOfNpm(), { minLength: 4, maxLength: 8 }) }),
      3000,
    );
    const expected = cases.map((one) =>
      semver.validRange(one.range) === null
        ? null
        : one.versions.filter((version) => semver.satisfies(version, one.range)),
    );
    const found = satisfying(cases);
    const wrong = cases.flatMap((one, index) =>
      JSON.stringify(found[index]) === JSON.stringify(expected[index])
        ? []
        : [{ ...one, found: found[index], expected: expected[index] }],
    );
    expect(wrong).toEqual([]);
    expect(expected.filter((one) => one !== null).length).toBeGreaterThan(1000);
  });
});
