import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exposedCredentials } from "../../../lifecycle/platform/runners/exposed-credentials.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";

const root = resolve(import.meta.dirname, "../../..");
// CI installs everything: there a missing program is a failure.
const ci = process.env["CI"] !== undefined;
const compiler = ["musl-gcc", "cc"].find((name) => isInstalled(name)) ?? "cc";
const canGuard = ci || (process.platform === "linux" && isInstalled(compiler));
const asRoot = process.getuid?.() === 0;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-guard-"));
  chmodSync(directory, 0o755);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.skipIf(!canGuard)("a guarded process (needs a C compiler on Linux)", () => {
  let library = "";
  let script = "";
  beforeAll(() => {
    library = join(directory, "guard.so");
    const source = join(root, "lifecycle/distribution/guard.c");
    execFileSync(compiler, ["-std=c99", "-shared", "-fPIC", "-nostdlib", "-o", library, source]);
    // Node 20 reads no TypeScript: the sources become one file.
    script = join(directory, "guard.mjs");
    const entry = join(root, "lifecycle/platform/runners/guard.ts");
    const flags = ["--bundle", "--format=esm", "--platform=node", `--outfile=${script}`, "--log-level=error"];
    execFileSync(join(root, "node_modules/.bin/esbuild"), [entry, ...flags]);
  });

  /** Runs `look` beside a process with a secret, as the same user that is not root; returns what either says. */
  async function beside(guarded: string, look: string): Promise<{ readonly seen: string; readonly said: string }> {
    const main = `import { guardProcess } from ${JSON.stringify(script)};
      console.log("closed", guardProcess(${JSON.stringify(guarded)}));
      setTimeout(() => {}, 20000);`;
    const user = asRoot ? { uid: 1000, gid: 1000 } : {};
    const child = spawn(process.execPath, ["--input-type=module", "-e", main], {
      ...user,
      cwd: "/",
      env: { CNB_REGISTRY_AUTH: "geheim" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => void (said += String(chunk)));
    while (!said.includes("\n") && child.exitCode === null) await sleep(10);
    const env = { PATH: "/usr/bin:/bin", PID: String(child.pid) };
    const seen = execFileSync("sh", ["-c", `{ ${look}; } 2>&1; :`], { ...user, cwd: "/", env, encoding: "utf8" });
    await sleep(100);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    return { seen, said };
  }

  test("shows its environment, memory and files to nobody of its user", async () => {
    const look = "cat /proc/$PID/environ; head -c 1 /proc/$PID/mem; ls /proc/$PID/fd";
    const { seen, said } = await beside(library, look);
    expect(said).toBe("closed true\n");
    expect(seen).not.toContain("geheim");
    expect(seen.match(/ermission denied/g)).toHaveLength(3);
  });

  test("does not open its debugger", async () => {
    const { said } = await beside(library, "kill -USR1 $PID");
    expect(said).toBe("closed true\n");
  });

  test("knows when there is no guard, and then shows what it has", async () => {
    const { seen, said } = await beside(join(directory, "none.so"), "cat /proc/$PID/environ");
    expect(said).toBe("closed false\n");
    expect(seen).toContain("geheim");
  });
});

describe("what is exposed of credentials", () => {
  const open = { guarded: false };
  const docker = (name: string, config: string): string => {
    const at = join(directory, name);
    mkdirSync(at);
    writeFileSync(join(at, "config.json"), config);
    return at;
  };

  test("is a Docker config with a password, not one with helpers", () => {
    const password = docker("password", '{"auths":{"a.test":{"auth":"eDp5"}}}');
    expect(exposedCredentials({ DOCKER_CONFIG: password }, open)).toEqual([
      expect.stringContaining(`${password}/config.json; give them in CNB_REGISTRY_AUTH instead`),
    ]);
    const helpers = docker("helpers", '{"auths":{"a.test":{}},"credsStore":"pass"}');
    expect(exposedCredentials({ DOCKER_CONFIG: helpers }, open)).toEqual([]);
    expect(exposedCredentials({ DOCKER_CONFIG: join(directory, "nowhere") }, open)).toEqual([]);
  });

  test("is a client key", () => {
    const at = docker("keys", "{}");
    mkdirSync(join(at, "certs.d/reg.test"), { recursive: true });
    for (const name of ["ca.crt", "client.cert", "client.key"]) writeFileSync(join(at, "certs.d/reg.test", name), "");
    expect(exposedCredentials({ DOCKER_CONFIG: at }, open)).toEqual([
      `Buildpacks can read the client key ${at}/certs.d/reg.test/client.key`,
    ]);
  });

  test.skipIf(!existsSync("/proc/self/environ"))("is the variable in a process that has it (needs /proc)", () => {
    const [first = ""] = readFileSync("/proc/self/environ", "utf8").split("\0");
    expect(exposedCredentials({ CNB_REGISTRY_AUTH: first }, open)).toEqual([
      expect.stringContaining("in the environment of this process, which has no guard"),
    ]);
    expect(exposedCredentials({ CNB_REGISTRY_AUTH: first }, { guarded: true })).not.toContainEqual(
      expect.stringContaining("this process"),
    );
    expect(exposedCredentials({ CNB_REGISTRY_AUTH: "nobody has this" }, open)).toEqual([]);
    expect(exposedCredentials({ CNB_REGISTRY_AUTH: "{}" }, open)).toEqual([]);
  });
});
