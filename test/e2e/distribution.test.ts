import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const ci = process.env["CI"] !== undefined;
const native = (arch: string, name: string): string => join(root, "dist/native", `linux-${arch}`, name);
const here = process.arch === "arm64" ? "arm64" : "amd64";
const installed = (name: string): boolean => spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status === 0;

const folder = mkdtempSync(join(tmpdir(), "tspack-dist-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nameOf = (pid: number | undefined): string => readFileSync(`/proc/${pid}/comm`, "utf8");

const programs = ["analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer"];

/** Makes the archive of an architecture and unpacks it as a platform does. */
function unpackDistribution(arch: string): string {
  const output = join(folder, arch);
  mkdirSync(output);
  execFileSync("npm", ["run", "--silent", "dist", "--", "--arch", arch, "--output", output], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [archive = ""] = readdirSync(output);
  expect(archive).toMatch(new RegExp(`^tspack-lifecycle-\\d+\\.\\d+\\.\\d+-linux-${arch}\\.tgz$`));
  execFileSync("tar", ["xzf", join(output, archive), "-C", output]);
  return output;
}

function expectStructure(output: string): void {
  const descriptor = readFileSync(join(output, "lifecycle.toml"), "utf8");
  expect(descriptor).toMatch(/version = "0\.(2[1-9]|[3-9]\d)\.\d+"/);
  expect(descriptor).toContain('"0.15"');
  const entries = readdirSync(join(output, "lifecycle"), { withFileTypes: true });
  // Platforms copy two levels: what is deeper would be lost.
  expect(entries.filter((entry) => entry.isDirectory())).toEqual([]);
  expect(programs.map((name) => readlinkSync(join(output, "lifecycle", name)))).toEqual(
    programs.map(() => "lifecycle"),
  );
}

describe(`the lifecycle for ${here}`, () => {
  let output = "";
  beforeAll(() => {
    output = unpackDistribution(here);
  });

  test("is a flat folder of programs with a descriptor", () => expectStructure(output));

  test("starts with an empty environment in a root that holds nothing else", () => {
    const version = execFileSync("env", ["-i", join(output, "lifecycle/detector"), "-version"], { encoding: "utf8" });
    expect(version).toMatch(/^0\.\d+\.\d+\+[0-9a-f]{8}\n$/);
    const empty = join(folder, "empty");
    mkdirSync(join(empty, "cnb"), { recursive: true });
    execFileSync("cp", ["-a", join(output, "lifecycle"), join(empty, "cnb/lifecycle")]);
    const args = ["--user", "--map-root-user", "--root", empty, "/cnb/lifecycle/lifecycle", "-version"];
    expect(execFileSync("unshare", args, { encoding: "utf8", env: {} })).toBe(version);
  });

  test("never opens its debugger, and buildpacks get the signal's usual meaning", async () => {
    const place = (name: string): string => join(folder, "signals", name);
    for (const name of ["app", "layers", "platform", "buildpacks/a/1/bin"]) mkdirSync(place(name), { recursive: true });
    writeFileSync(place("buildpacks/a/1/buildpack.toml"), 'api = "0.10"\n[buildpack]\nid = "a"\nversion = "1"\n');
    writeFileSync(place("order.toml"), '[[order]]\n[[order.group]]\nid = "a"\nversion = "1"\n');
    const detect = "#!/bin/sh\ngrep -E '^Sig(Ign|Blk)' /proc/self/status\nsleep 1\n";
    writeFileSync(place("buildpacks/a/1/bin/detect"), detect, { mode: 0o755 });
    cpSync(place("buildpacks/a/1/bin/detect"), place("buildpacks/a/1/bin/build"));
    const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
    execFileSync("chmod", ["-R", "a+rwX", folder]);
    const flags = ["-app", "app", "-layers", "layers", "-platform", "platform", "-order", "order.toml"];
    const child = spawn(
      join(output, "lifecycle/detector"),
      [...flags, "-buildpacks", "buildpacks", "-log-level", "debug"],
      { ...user, cwd: place(""), env: { CNB_PLATFORM_API: "0.12", PATH: "/usr/bin:/bin", HOME: place("app") } },
    );
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => void (said += String(chunk)));
    const ended = once(child, "close");
    // From before Node runs, but not before the starter does: until then a signal ends the process.
    while (child.exitCode === null && !nameOf(child.pid).startsWith("ld-linux")) await sleep(1);
    const signals = setInterval(() => child.kill("SIGUSR1"), 1);
    const [code] = (await ended) as [number | null];
    clearInterval(signals);
    expect([code, said]).toEqual([0, said]);
    expect(said).not.toContain("Debugger");
    expect(said).toMatch(/SigBlk:\t0+\nSigIgn:\t0+\n/);
  });
});

const cross = here === "amd64" && existsSync(native("arm64", "launcher")) && installed("qemu-aarch64");

describe.skipIf(here !== "amd64" || (!cross && !ci))(
  "the lifecycle for arm64 (needs gcc-aarch64-linux-gnu, musl-dev:arm64 and qemu-user)",
  () => {
    let output = "";
    beforeAll(() => {
      output = unpackDistribution("arm64");
    });

    test("has the same structure", () => expectStructure(output));

    test("has a launcher of at most 64 KiB that runs and refuses in the reference's words", () => {
      const launcher = join(output, "lifecycle/launcher");
      expect(statSync(launcher).size).toBeLessThanOrEqual(65_536);
      const run = spawnSync("qemu-aarch64", [launcher], {
        env: { CNB_NO_COLOR: "true", PATH: process.env["PATH"] },
        encoding: "utf8",
      });
      expect(run.status).toBe(11);
      expect(run.stdout + run.stderr).toContain("please set 'CNB_PLATFORM_API'");
    });

    test("has a Node that starts with the C library beside it", () => {
      const lifecycle = join(output, "lifecycle");
      const args = [
        join(lifecycle, "ld-linux-aarch64.so.1"),
        "--library-path",
        lifecycle,
        join(lifecycle, "node"),
        join(lifecycle, "lifecycle.js"),
        "@lifecycle",
        "-version",
      ];
      expect(execFileSync("qemu-aarch64", args, { encoding: "utf8" })).toMatch(/^0\.\d+\.\d+\+[0-9a-f]{8}\n$/);
    });
  },
);
