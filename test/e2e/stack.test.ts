import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { chooseMirrors, type Mirrors } from "../../lifecycle/platform/debian/mirrors.ts";
import { compareVersions } from "../../lifecycle/platform/debian/version.ts";
import { createStack, type Stack } from "../../lifecycle/platform/stack/create-stack.ts";
import { readStackFile } from "../../lifecycle/platform/stack/stack-file.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";

const run = promisify(execFile);
const stackFile = fileURLToPath(new URL("../../stacks/bookworm/stack.toml", import.meta.url));
const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

// What a machine lacks is left out by name; in CI it is there, or the test fails.
const inCi = process.env["CI"] !== undefined;
const lacks = (path: string): boolean => !existsSync(path) && !inCi;
const aptLists = "/var/lib/apt/lists";
const lacksLists = !inCi && !(existsSync(aptLists) && readdirSync(aptLists).some((name) => name.includes("_Packages")));
const mirrors: Mirrors | undefined = await chooseMirrors({
  env: process.env["TSPACK_DEBIAN_MIRROR"],
  aptDir: "/etc/apt",
  suites: (await readStackFile(stackFile)).suites,
}).catch((error: unknown) => {
  if (inCi) throw error;
  return undefined;
});

let dir = "";
let stack: Stack;

describe.skipIf(mirrors === undefined)("the default stack, from a real archive (needs a Debian mirror)", () => {
  beforeAll(async () => {
    if (mirrors === undefined) return;
    dir = await mkdtemp(join(tmpdir(), "tspack-e2e-stack-"));
    const blobs = await openBlobCache(join(dir, "blobs"), { ctx });
    stack = await createStack({ stackFile, arch: "amd64", mirrors, cacheDir: join(dir, "cache"), blobs, ctx });
    await Promise.all([unpack(stack.run, join(dir, "run")), unpack(stack.build, join(dir, "build"))]);
  });
  afterAll(async () => {
    // Directories that only their owner may write are removed by force, also without root.
    await run("chmod", ["-R", "u+rwX", dir]).catch(() => undefined);
    await rm(dir, { recursive: true, force: true });
  });

  test("the run image is small and has no package manager", async () => {
    const { value } = await stack.run.manifest();
    const bytes = value.layers.reduce((sum, layer) => sum + layer.size, 0);
    expect(bytes).toBeLessThan(40e6);
    for (const path of ["usr/bin/apt", "usr/bin/dpkg", "usr/bin/perl", "usr/bin/gcc", "usr/bin/curl"]) {
      expect([path, existsSync(join(dir, "run", path))]).toEqual([path, false]);
    }
  });

  test.skipIf(lacks("/usr/bin/bwrap"))(
    "the run image's shells, libraries, names and time zones work (needs bwrap)",
    async () => {
      const script =
        'set -e; . /etc/os-release; echo "$ID $VERSION_ID"; id -un; TZ=Asia/Tokyo date -d @0 +%H; echo a b | awk "{print \\$2}"';
      for (const shell of ["/bin/sh", "/bin/bash"]) {
        expect((await inside("run", [shell, "-c", script])).split("\n")).toEqual(["debian 12", "cnb", "09", "b"]);
      }
      expect(
        await inside("run", ["/bin/sh", "-c", "ldd /usr/lib/x86_64-linux-gnu/libstdc++.so.6; locale -a"]),
      ).not.toContain("not found");
    },
  );

  test.skipIf(lacks("/usr/bin/bwrap"))(
    "the build image compiles C and C++ and runs git and Python (needs bwrap)",
    async () => {
      const script = `set -e; cd /tmp
echo '#include <stdio.h>
int main(void) { puts("c"); }' > a.c; cc a.c -o a; ./a
echo '#include <iostream>
int main() { std::cout << "c++\\n"; }' > b.cc; c++ -O2 b.cc -o b; ./b
git init -q r; git -C r -c user.name=n -c user.email=e commit -q --allow-empty -m m; git -C r log --format=%s
python3 -c 'import ssl, sqlite3, ctypes; print(len(ssl.create_default_context().get_ca_certs()) > 100)'
for tool in curl jq make openssl patch pkg-config ps tar unzip xz zip file find; do command -v $tool > /dev/null || echo "no $tool"; done`;
      expect((await inside("build", ["/bin/bash", "-c", script])).split("\n")).toEqual(["c", "c++", "m", "True"]);
    },
  );

  test.skipIf(lacks("/usr/bin/bwrap"))("no link of the images leads nowhere (needs bwrap)", async () => {
    expect(await inside("build", ["/usr/bin/find", "/usr", "/etc", "/var", "-xdev", "-xtype", "l"])).toBe("");
  });

  test.skipIf(lacks("/usr/bin/apt-get") || lacksLists)(
    "apt would choose the same packages (needs apt-get with its lists)",
    async () => {
      const { packages } = await readStackFile(stackFile);
      const options = ["-o", "Dir::State::status=/dev/null", "--no-install-recommends", "--simulate", "install"];
      const { stdout } = await run("apt-get", [...options, ...packages.run, ...packages.build]);
      const theirs = new Map([...stdout.matchAll(/^Inst (\S+) \((\S+)/gm)].map((match) => [match[1], match[2] ?? ""]));
      const ours = new Map(stack.lock.packages.map((each) => [each.name, each.version]));
      expect([...ours.keys()].filter((name) => !theirs.has(name))).toEqual([]);
      // The machine's lists may be some days older than the archive, never newer.
      const older = [...ours].filter(([name, version]) => compareVersions(version, theirs.get(name) ?? "") < 0);
      expect(older).toEqual([]);
      // What the stack leaves out, and what only that needs.
      const omitted = [
        ...packages.omit,
        "libmd0",
        "libfile-find-rule-perl",
        "libnumber-compare-perl",
        "libtext-glob-perl",
        // Of adduser, which apt wants for a user of its own.
        "libpam-modules",
        "libpam-modules-bin",
        "libsemanage-common",
        "libsemanage2",
        "libsepol2",
        "passwd",
      ];
      expect([...theirs.keys()].filter((name) => !ours.has(name ?? "") && !omitted.includes(name ?? ""))).toEqual([]);
    },
  );

  test("the same lock gives the same digests in another place", async () => {
    if (mirrors === undefined) return;
    // The whole run image, and little of the build image, because packing takes its time.
    const text = (await readFile(stackFile, "utf8"))
      .replace(/^build = \[[^\]]*\]/m, 'build = ["make"]')
      .replace("../keyrings/", `${dirname(stackFile)}/../keyrings/`);
    const small = join(dir, "stack.toml");
    await writeFile(small, text);
    const lockFile = join(dir, "stack.lock");
    const inputs = { stackFile: small, arch: "arm64" as const, mirrors, lockFile, ctx };
    const digests: string[] = [];
    for (const place of ["one", "two"]) {
      const blobs = await openBlobCache(join(dir, place), { ctx });
      const made = await createStack({ ...inputs, cacheDir: join(dir, place), blobs });
      digests.push((await made.run.manifest()).digest, (await made.build.manifest()).digest);
    }
    expect(digests.slice(2)).toEqual(digests.slice(0, 2));
  });
});

async function unpack(image: Image, directory: string): Promise<void> {
  await mkdir(directory);
  for (const layer of await image.layers()) {
    const tar = spawn("tar", ["-x", "-p", "--no-same-owner", "-C", directory], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => tar.on("close", resolve));
    await pipeline(Readable.from(layer.uncompressed()), tar.stdin);
    expect(await ended).toBe(0);
  }
}

/** Runs a command in an unpacked image, as its user, without network; its output without the last newline. */
async function inside(image: "run" | "build", command: readonly string[]): Promise<string> {
  const mounts = ["--ro-bind", join(dir, image), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const user = ["--unshare-all", "--uid", "1000", "--gid", "1000", "--clearenv", "--setenv", "HOME", "/tmp"];
  const path = ["--setenv", "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
  const { stdout } = await run("bwrap", [...mounts, ...user, ...path, ...command]);
  return stdout.trimEnd();
}
