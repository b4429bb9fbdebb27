import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { chooseMirrors, type Mirrors } from "../../lifecycle/platform/debian/mirrors.ts";
import { createStack, type Stack } from "../../lifecycle/platform/stack/create-stack.ts";
import { readStackFile } from "../../lifecycle/platform/stack/stack-file.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";

// The stacks besides the default one, which stack.test.ts is about.
const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const inCi = process.env["CI"] !== undefined;
const lacks = (path: string): boolean => !existsSync(path) && !inCi;
const stackFile = (name: string): string => join(root, "stacks", name, "stack.toml");
const mirrors = async (name: string): Promise<Mirrors | undefined> =>
  chooseMirrors({
    env: process.env["TSPACK_DEBIAN_MIRROR"],
    aptDir: "/etc/apt",
    suites: (await readStackFile(stackFile(name))).suites,
  }).catch((error: unknown) => {
    if (inCi) throw error;
    return undefined;
  });
const slimMirrors = await mirrors("bookworm-slim");
const trixieMirrors = await mirrors("trixie");
const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tspack-e2e-stacks-"));
  // Another user reads the stack file in it.
  await chmod(dir, 0o755);
});
afterAll(async () => {
  // Directories that only their owner may write are removed by force, also without root.
  await run("chmod", ["-R", "u+rwX", dir]).catch(() => undefined);
  await rm(dir, { recursive: true, force: true });
});

async function make(file: string, from: Mirrors): Promise<Stack> {
  const blobs = await openBlobCache(join(dir, "blobs"), { ctx });
  return createStack({ stackFile: file, arch: "amd64", mirrors: from, cacheDir: join(dir, "cache"), blobs, ctx });
}

describe.skipIf(slimMirrors === undefined)("bookworm-slim (needs a Debian mirror)", () => {
  let stack: Stack;
  const image = (): string => join(dir, "slim");

  beforeAll(async () => {
    if (slimMirrors === undefined) return;
    // The build image is the other stack's, and not what this is about.
    const file = join(dir, "slim.toml");
    const text = await readFile(stackFile("bookworm-slim"), "utf8");
    const own = text.replace("../keyrings/", `${root}/stacks/keyrings/`);
    await writeFile(file, own.replace('build-of = "../bookworm/stack.toml"', 'build = ["libc6"]'));
    stack = await make(file, slimMirrors);
    await unpack(stack.run, image());
    const c = 'puts("started");';
    await writeFile(join(dir, "app.c"), `#include <stdio.h>\nint main(void) { ${c} return 0; }\n`);
  });

  test("the run image has less than 12 MB, ten packages, and no program but the C library's loader", async () => {
    const { value } = await stack.run.manifest();
    expect(value.layers.reduce((sum, layer) => sum + layer.size, 0)).toBeLessThan(12e6);
    expect(stack.lock.packages.map(({ name }) => name)).toEqual([
      "base-files",
      "base-passwd",
      "ca-certificates",
      "gcc-12-base",
      "libc-bin",
      "libc6",
      "libgcc-s1",
      "libstdc++6",
      "netbase",
      "tzdata",
    ]);
    for (const directory of ["usr/bin", "usr/sbin"]) expect(await readdir(join(image(), directory))).toEqual([]);
    for (const path of ["etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Asia/Tokyo", "etc/services"])
      expect([path, existsSync(join(image(), path))]).toEqual([path, true]);
  });

  test.skipIf(lacks("/usr/bin/bwrap") || lacks("/usr/bin/gcc"))(
    "programs run directly, and one that needs a shell says what to do (needs bwrap and gcc)",
    async () => {
      execFileSync("gcc", ["-o", join(image(), "opt/app"), join(dir, "app.c")]);
      await copyFile(join(root, "dist/native/linux-amd64/launcher"), join(image(), "opt/launcher"));
      await mkdir(join(image(), "layers/config"), { recursive: true });
      await writeFile(join(image(), "layers/config/metadata.toml"), "");
      const env = { CNB_PLATFORM_API: "0.12", CNB_APP_DIR: "/opt" };
      expect(await inside(image(), ["/opt/launcher", "--", "/opt/app"], env)).toBe("started");
      await expect(inside(image(), ["/opt/launcher", "/opt/app"], env)).rejects.toMatchObject({
        stdout: expect.stringMatching(/without -- .* need \/bin\/bash, which this image does not have/) as string,
      });
    },
  );

  // Only root can be somebody else.
  test.skipIf(process.getuid?.() !== 0 || lacks("/usr/bin/setpriv"))(
    "another user in another time zone, with another umask, makes the same images of the lock (needs root and setpriv)",
    async () => {
      const digests: string[] = [];
      for (const uid of [0, 1000]) {
        const home = join(dir, `home-${uid}`);
        await mkdir(home);
        await chown(home, uid, uid);
        const lock = join(home, "stack.lock");
        if (uid !== 0) await copyFile(join(dir, "home-0/stack.lock"), lock);
        const script = `umask ${uid === 0 ? "022" : "077"}; exec "$@"`;
        const command = ["stack", "create", join(dir, "slim.toml"), "--lock", lock, "--arch", "arm64", "--json"];
        const user = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
        const tspack = [process.execPath, join(root, "dist/tspack.js"), ...command];
        const env = { ...process.env, HOME: home, TSPACK_HOME: home, TZ: uid === 0 ? "UTC" : "Pacific/Kiritimati" };
        const { stdout } = await run("setpriv", [...user, "sh", "-c", script, "sh", ...tspack], { env });
        digests.push([...stdout.matchAll(/sha256:[0-9a-f]{64}/g)].join(" "));
      }
      expect(digests[0]).toMatch(/^sha256:\S+ sha256:\S+$/);
      expect(digests[1]).toBe(digests[0]);
    },
  );

  test.skipIf(lacks("/usr/bin/dpkg"))(
    "Debian's own tools read its packages, and find every file as it was (needs dpkg)",
    async () => {
      expect(await installed(image())).toEqual(stack.lock.packages.map(({ name, version }) => `${name} ${version} ii`));
      expect(await changedFiles(image())).toEqual([]);
    },
  );
});

describe.skipIf(trixieMirrors === undefined)("trixie (needs a mirror of Debian 13)", () => {
  let stack: Stack;
  beforeAll(async () => {
    if (trixieMirrors === undefined) return;
    stack = await make(stackFile("trixie"), trixieMirrors);
    await Promise.all([unpack(stack.run, join(dir, "run")), unpack(stack.build, join(dir, "build"))]);
  });

  test("the run image is small and has no package manager", async () => {
    const { value } = await stack.run.manifest();
    expect(value.layers.reduce((sum, layer) => sum + layer.size, 0)).toBeLessThan(40e6);
    for (const path of ["usr/bin/apt", "usr/bin/dpkg", "usr/bin/perl", "usr/bin/gcc", "usr/bin/curl"])
      expect([path, existsSync(join(dir, "run", path))]).toEqual([path, false]);
    expect((await stack.run.config()).value.config?.Labels).toMatchObject({
      "io.buildpacks.base.distro.name": "debian",
      "io.buildpacks.base.distro.version": "13",
    });
  });

  test.skipIf(lacks("/usr/bin/bwrap"))(
    "shells, compilers, git and Python work, and no link leads nowhere (needs bwrap)",
    async () => {
      const shell = '. /etc/os-release; echo "$ID $VERSION_ID"; id -un; TZ=Asia/Tokyo date -d @0 +%H';
      expect((await inside(join(dir, "run"), ["/bin/sh", "-c", shell])).split("\n")).toEqual([
        "debian 13",
        "cnb",
        "09",
      ]);
      const work = `set -e; cd /tmp
echo '#include <iostream>
int main() { std::cout << "c++" << std::endl; }' > a.cc; c++ a.cc -o a; ./a
git init -q r; git -C r -c user.name=n -c user.email=e commit -q --allow-empty -m m; git -C r log --format=%s
python3 -c 'import ssl, sqlite3, ctypes; print(len(ssl.create_default_context().get_ca_certs()) > 100)'
find /usr /etc /var -xdev -xtype l`;
      expect((await inside(join(dir, "build"), ["/bin/bash", "-c", work])).split("\n")).toEqual(["c++", "m", "True"]);
    },
  );

  test.skipIf(lacks("/usr/bin/dpkg"))(
    "Debian's own tools read its packages, and find every file as it was (needs dpkg)",
    async () => {
      const locked = stack.lock.packages.map(({ name, version }) => `${name} ${version} ii`).sort();
      expect([...(await installed(join(dir, "build")))].sort()).toEqual(locked);
      expect(await changedFiles(join(dir, "build"))).toEqual([]);
    },
  );
});

/** What dpkg says is installed, from the files in status.d put into the one file that it reads. */
async function installed(image: string): Promise<readonly string[]> {
  const admin = await adminDir(image);
  const format = "${Package} ${Version} ${db:Status-Abbrev}\\n";
  const { stdout } = await run("dpkg-query", ["--admindir", admin, "--show", "--showformat", format]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

/** Files that are there with other bytes than the package's; what the stack drops is missing, and not among them. */
async function changedFiles(image: string): Promise<readonly string[]> {
  const admin = await adminDir(image);
  // It ends with 1 when anything is missing.
  const { stdout } = await run("dpkg", ["--root", image, "--admindir", admin, "--verify"]).catch(
    (error: unknown) => error as { stdout: string },
  );
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("missing"));
}

async function adminDir(image: string): Promise<string> {
  const admin = await mkdtemp(join(dir, "admin-"));
  const from = join(image, "var/lib/dpkg/status.d");
  await mkdir(join(admin, "info"));
  await mkdir(join(admin, "updates"));
  const stanzas: string[] = [];
  for (const name of (await readdir(from)).sort()) {
    const text = await readFile(join(from, name), "utf8");
    if (!name.endsWith(".md5sums")) {
      stanzas.push(text);
      continue;
    }
    const list = text.replace(/^\S+ +/gm, "/");
    // Packages that can be there for several processors are filed under their own.
    for (const filed of [name, name.replace(/\.md5sums$/, ":amd64.md5sums")]) {
      await writeFile(join(admin, "info", filed), text);
      await writeFile(join(admin, "info", filed.replace(/md5sums$/, "list")), list);
    }
  }
  await writeFile(join(admin, "status"), stanzas.join("\n"));
  return admin;
}

async function unpack(image: Image, directory: string): Promise<void> {
  await mkdir(directory);
  for (const layer of await image.layers()) {
    const tar = spawn("tar", ["-x", "-p", "--no-same-owner", "-C", directory], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    const ended = new Promise<number | null>((end) => tar.on("close", end));
    await pipeline(Readable.from(layer.uncompressed()), tar.stdin);
    expect(await ended).toBe(0);
  }
}

/** Runs a command in an unpacked image, as its user, without network; its output without the last newline. */
async function inside(
  image: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const mounts = ["--ro-bind", image, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const user = ["--unshare-all", "--uid", "1000", "--gid", "1000", "--clearenv", "--setenv", "HOME", "/tmp"];
  const path = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
  const variables = Object.entries({ ...path, ...env }).flatMap(([key, value]) => ["--setenv", key, value]);
  const { stdout } = await run("bwrap", [...mounts, ...user, ...variables, ...command]);
  return stdout.trimEnd();
}
