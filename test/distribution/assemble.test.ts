import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeLifecycleArchive } from "../../lifecycle/distribution/archive.ts";
import { assembleLifecycle, type LifecycleDistribution } from "../../lifecycle/distribution/assemble.ts";
import { elfNeeds, type LifecycleArch } from "../../lifecycle/distribution/elf.ts";
import type { LibraryFile } from "../../lifecycle/distribution/libraries.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { buildPrograms, cCompiler } from "../launcher/compile.ts";
import { canEnterRoot } from "../launcher/private-root.ts";
import { elfFile } from "./elf-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tspack-distribution-"));
const dist = join(folder, "dist");
const arch: LifecycleArch = process.arch === "arm64" ? "arm64" : "amd64";
const descriptor = { version: "0.21.9", platformApis: ["0.7", "0.15"], buildpackApis: ["0.9", "0.12"] };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const components = JSON.stringify([{ name: "left", version: "1.0.0", license: "MIT", purl: "pkg:npm/left@1.0.0" }]);

/** Stands in for the lifecycle: prints how it was started. */
const code =
  "const options = process.execArgv.length === 0 ? {} : { options: process.execArgv };\n" +
  "console.log(JSON.stringify({ args: process.argv.slice(2), env: Object.keys(process.env), ...options }));\n";

beforeAll(() => {
  mkdirSync(join(dist, "lifecycle-dist"), { recursive: true });
  writeFileSync(join(dist, "lifecycle-dist/lifecycle.js"), code);
  writeFileSync(join(dist, "lifecycle-dist/package.json"), '{"type":"module"}\n');
  writeFileSync(join(dist, "lifecycle-components.json"), components);
});

describe("the archive of the lifecycle", () => {
  const node = join(folder, "small-node");
  const libraries: readonly LibraryFile[] = [{ name: "libc.so.6", content: elfFile({}) }];

  beforeAll(() => {
    writeFileSync(node, elfFile({ needed: ["libc.so.6"] }));
    const native = join(folder, "stand-in", "native/linux-amd64");
    mkdirSync(native, { recursive: true });
    cpSync(join(dist, "lifecycle-dist"), join(folder, "stand-in/lifecycle-dist"), { recursive: true });
    writeFileSync(join(folder, "stand-in/lifecycle-components.json"), components);
    for (const name of ["launcher", "starter", "guard.so"]) writeFileSync(join(native, name), name);
  });

  const assemble = (distDir = join(folder, "stand-in")): Promise<LifecycleDistribution> =>
    assembleLifecycle({ arch: "amd64", descriptor, nodeBinary: node, libraries, distDir });

  test("is a descriptor and one flat folder, and the phases are links to lifecycle", async () => {
    const file = join(folder, "lifecycle.tgz");
    await writeLifecycleArchive(await assemble(), file);
    const listing = execFileSync("tar", ["tzvf", file], { encoding: "utf8" }).trim().split("\n");
    const names = listing.map((line) => line.replace(/^(\S+) +(\S+) +\S+ +\S+ +\S+ /, "$1 $2 "));
    expect(names).toEqual([
      "-rw-r--r-- 0/0 lifecycle.toml",
      "drwxr-xr-x 0/0 lifecycle",
      ...["analyzer", "builder", "creator", "detector", "exporter", "extender"].map(
        (name) => `lrwxrwxrwx 0/0 lifecycle/${name} -> lifecycle`,
      ),
      "-rwxr-xr-x 0/0 lifecycle/guard.so",
      "-rwxr-xr-x 0/0 lifecycle/launcher",
      ...["cdx", "spdx", "syft"].map((format) => `-rw-r--r-- 0/0 lifecycle/launcher.sbom.${format}.json`),
      "-rwxr-xr-x 0/0 lifecycle/libc.so.6",
      "-rwxr-xr-x 0/0 lifecycle/lifecycle",
      "-rw-r--r-- 0/0 lifecycle/lifecycle.js",
      ...["cdx", "spdx", "syft"].map((format) => `-rw-r--r-- 0/0 lifecycle/lifecycle.sbom.${format}.json`),
      "-rwxr-xr-x 0/0 lifecycle/node",
      "-rw-r--r-- 0/0 lifecycle/package.json",
      ...["rebaser", "restorer"].map((name) => `lrwxrwxrwx 0/0 lifecycle/${name} -> lifecycle`),
    ]);
  });

  test("says in its bill of materials what was bundled", async () => {
    const { files } = await assemble();
    const text = String(files.find(({ name }) => name === "lifecycle.sbom.cdx.json")?.content);
    expect(JSON.parse(text)).toMatchObject({
      bomFormat: "CycloneDX",
      components: [{ name: "left", version: "1.0.0" }],
    });
  });

  test("has the same bytes every time, and says their size and digest", async () => {
    const files = [join(folder, "one.tgz"), join(folder, "two.tgz")] as const;
    const first = await writeLifecycleArchive(await assemble(), files[0]);
    const second = await writeLifecycleArchive(await assemble(), files[1]);
    expect(second).toEqual(first);
    const bytes = readFileSync(files[0]);
    expect(readFileSync(files[1]).equals(bytes)).toBe(true);
    expect(first.size).toBe(bytes.length);
    expect(gunzipSync(bytes).includes("console.log")).toBe(true);
  });

  test("has a descriptor with the versions of both APIs in both forms", async () => {
    expect(parseToml(Buffer.from((await assemble()).descriptor), "lifecycle.toml").table).toMatchObject({
      api: { platform: "0.7", buildpack: "0.9" },
      apis: {
        platform: { deprecated: [], supported: ["0.7", "0.15"] },
        buildpack: { deprecated: [], supported: ["0.9", "0.12"] },
      },
      lifecycle: { version: "0.21.9" },
    });
  });

  test("is refused when a program was not built", async () => {
    rmSync(join(folder, "stand-in/native/linux-amd64/launcher"));
    await expect(assemble()).rejects.toMatchObject({ code: "TOOL_MISSING" });
    await expect(assemble(join(folder, "nothing"))).rejects.toMatchObject({ code: "TOOL_MISSING" });
  });
});

const compiler = cCompiler();
const libraries = hostLibraries();
const missing = [
  ...(compiler === undefined ? ["a C compiler"] : []),
  ...(process.platform === "linux" && canEnterRoot() ? [] : ["mount namespaces"]),
  ...(libraries === undefined ? ["a Node program that is linked with the GNU C library"] : []),
];

if (missing.length > 0 || libraries === undefined) {
  test.skipIf(process.env["CI"] === undefined)(`the lifecycle in an empty root (needs ${missing.join(", ")})`, () => {
    expect(missing).toEqual([]);
  });
} else {
  describe("the lifecycle in a root filesystem that has nothing else", () => {
    const root = join(folder, "root");
    const home = join(root, "cnb/lifecycle");

    beforeAll(async () => {
      buildPrograms(join(dist, "native"));
      const parts = { arch, descriptor, nodeBinary: process.execPath, libraries, distDir: dist };
      const { files } = await assembleLifecycle(parts);
      mkdirSync(home, { recursive: true });
      for (const { name, mode, content, path, link } of files) {
        if (link !== undefined) symlinkSync(link, join(home, name));
        else if (path === undefined) writeFileSync(join(home, name), content ?? "");
        else copyFileSync(path, join(home, name));
        if (link === undefined) chmodSync(join(home, name), mode);
      }
      mkdirSync(join(root, "bin"));
      symlinkSync("../cnb/lifecycle/detector", join(root, "bin/elsewhere"));
      symlinkSync("/cnb/lifecycle", join(root, "link"));
      // Temporary folders are private; another user has to get through this one.
      chmodSync(folder, 0o755);
    });

    test("starts without environment, /proc and a writable place, and is told its name", () => {
      const { status, stdout } = runInReadOnly(root, {}, ["/cnb/lifecycle/detector", "-version", "@x", ""]);
      expect([status, JSON.parse(stdout)]).toEqual([0, { args: ["@detector", "-version", "@x", ""], env: [] }]);
    });

    test.each([
      ["its own name", "/cnb/lifecycle/lifecycle", "@lifecycle"],
      ["a link in another folder", "/bin/elsewhere", "@elsewhere"],
      ["a link to its folder", "/link/creator", "@creator"],
    ])("can be called by %s", (_, program, name) => {
      expect(JSON.parse(runInReadOnly(root, {}, [program]).stdout)).toMatchObject({ args: [name] });
    });

    test("keeps variables but those for another Node or loader", () => {
      const env = { A: "1", NODE_OPTIONS: "--no-such-flag", LD_PRELOAD: "/nothing.so", LD_LIBRARY_PATH: "/x" };
      expect(JSON.parse(runInReadOnly(root, env, ["/cnb/lifecycle/builder"]).stdout)).toEqual({
        args: ["@builder"],
        env: ["A", "LD_LIBRARY_PATH"],
      });
    });

    test("hands credentials on outside of the environment", () => {
      const env = { CNB_REGISTRY_AUTH: "{}", TSPACK_REGISTRY_AUTH_FD: "7" };
      expect(JSON.parse(runInReadOnly(root, env, ["/cnb/lifecycle/creator"]).stdout)).toMatchObject({
        env: ["TSPACK_REGISTRY_AUTH_FD"],
      });
    });

    test("starts Node with the option of its folder", () => {
      writeFileSync(join(home, "node-option"), "--title=told");
      try {
        expect(JSON.parse(callFrom(home, "./analyzer a"))).toMatchObject({
          args: ["@analyzer", "a"],
          options: ["--title=told"],
        });
      } finally {
        rmSync(join(home, "node-option"));
      }
    });

    test("can be called by a relative path and by PATH", () => {
      expect(JSON.parse(callFrom(home, "./analyzer a"))).toMatchObject({ args: ["@analyzer", "a"] });
      expect(JSON.parse(callFrom(home, "cd /; exporter"))).toMatchObject({ args: ["@exporter"] });
    });

    test("says what is missing when it was copied without its files", () => {
      const lonely = join(folder, "lonely");
      cpSync(join(home, "lifecycle"), lonely);
      const { status, stdout } = spawnSync(lonely, { encoding: "utf8" });
      expect(status).toBe(1);
      expect(stdout).toMatch(/^ERROR: failed to start the lifecycle: no ld-linux.* beside /);
    });
  });
}

function callFrom(cwd: string, command: string): string {
  return execFileSync("/bin/sh", ["-c", command], { cwd, env: { PATH: cwd }, encoding: "utf8" });
}

/** As an unprivileged user where this one is root. */
function runInReadOnly(
  root: string,
  env: Readonly<Record<string, string>>,
  command: readonly string[],
): { status: number | null; stdout: string } {
  const isRoot = process.getuid?.() === 0;
  const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec env -i "$@"';
  const user = isRoot ? ["--userspec=1000:1000"] : [];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const chroot = [...variables, programPath("chroot"), ...user, root, ...command];
  return spawnSync("unshare", [isRoot ? "-m" : "-Urm", "sh", "-c", script, root, ...chroot], { encoding: "utf8" });
}

function programPath(name: string): string {
  const found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map((each) => join(each, name)).find(existsSync);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

/** What this machine's Node is linked with, by the names that the loader looks for. */
function hostLibraries(): readonly LibraryFile[] | undefined {
  if (process.platform !== "linux") return undefined;
  const triplet = arch === "amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
  const folders = [`/lib/${triplet}`, `/usr/lib/${triplet}`, "/lib64", "/usr/lib64", "/lib"];
  const found = new Map<string, LibraryFile>();
  const queue = [...elfNeeds({ name: "node", path: process.execPath }).libraries];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name)) continue;
    const path = folders.map((each) => join(each, name ?? "")).find(existsSync);
    if (path === undefined) return undefined;
    found.set(name, { name, path });
    queue.push(...elfNeeds({ name, path }).libraries);
  }
  return [...found.values()];
}
