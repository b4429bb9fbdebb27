import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract, type Header } from "tar-stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import type { Layer } from "../../../lifecycle/oci/layer.ts";
import { createStack, type Stack } from "../../../lifecycle/platform/stack/create-stack.ts";
import { fetchPackageFiles } from "../../../lifecycle/platform/stack/fetch-package-files.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import {
  makeArchive,
  makeDeb,
  makeKey,
  serve,
  type FakeKey,
  type FakeMirror,
  type FakePackage,
} from "../debian/fake-archive.ts";

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

const packages: readonly FakePackage[] = [
  {
    name: "base",
    version: "1",
    fields: { Depends: "libc (>= 2)" },
    files: {
      "usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\n",
      "usr/share/base-passwd/group.master": "root:*:0:\nshadow:*:42:\n",
      "usr/share/ca-certificates/mozilla/B.crt": "BBB\n",
      "usr/share/ca-certificates/mozilla/A.crt": "AAA",
      "usr/share/base/profile": "PS1=x\n",
      "usr/share/doc/base/README": "dropped",
      "usr/share/doc/base/copyright": "kept",
      "bin/mawk": { type: "file", mode: 0o755 },
    },
  },
  {
    name: "libc",
    version: "2.1",
    files: { "lib/x/libc.so.6": "ELF", "lib64/ld.so": { type: "symlink", linkname: "/lib/x/libc.so.6" } },
  },
  {
    name: "compiler",
    version: "12",
    fields: { Depends: "libc" },
    files: { "usr/bin/gcc-12": "gcc", "usr/bin/gcc": { type: "symlink", linkname: "gcc-12" } },
  },
];

const stackToml = `
id = "test.stack"
name = "Test"
description = "A test"
path = "/usr/bin:/bin"
distribution = { name = "debian", version = "12" }

[archive]
components = ["main"]
keyrings = ["key.asc"]
suites = [{ archive = "debian", name = "bookworm" }]

[packages]
run = ["base"]
build = ["compiler"]

[user]
name = "cnb"
uid = 1000
gid = 1000
home = "/home/cnb"
shell = "/bin/sh"

[contents]
drop = ["/usr/share/doc/*/**"]
keep = ["/usr/share/doc/*/copyright"]
links = [
  { path = "/bin", target = "usr/bin", merged = true },
  { path = "/lib", target = "usr/lib", merged = true },
  { path = "/lib64", target = "usr/lib64", merged = true, arch = ["amd64"] },
]
directories = [{ path = "/var/mail", mode = "2775", gid = 8 }]
files = [{ path = "/etc/timezone", content = "Etc/UTC\\n" }]
copies = [{ from = "/usr/share/base/profile", to = "/etc/profile" }]
alternatives = [
  { name = "awk", link = "/usr/bin/awk", path = "/usr/bin/mawk" },
  { name = "cc", link = "/usr/bin/cc", path = "/usr/bin/gcc" },
]
`;

let key: FakeKey;
let root = "";
let cases = 0;
let dir = "";
let mirror: FakeMirror;

beforeAll(async () => {
  key = await makeKey("Archive");
  root = await mkdtemp(join(tmpdir(), "tspack-stack-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  dir = join(root, String((cases += 1)));
  await mkdir(dir);
  await writeFile(join(dir, "key.asc"), key.publicKey);
  await writeFile(join(dir, "stack.toml"), stackToml);
  mirror = await serve(await makeArchive(await Promise.all(packages.map(makeDeb)), key));
});
afterEach(() => mirror.close());

function inputs(options: { readonly cache?: string; readonly update?: boolean } = {}) {
  return {
    stackFile: join(dir, "stack.toml"),
    arch: "amd64" as const,
    mirrors: { roots: new Map([["debian", mirror.url]]), origin: "the test" },
    cacheDir: join(dir, options.cache ?? "cache"),
    lockFile: join(dir, "stack.lock"),
    update: options.update,
    blobs: memoryBlobCache(),
    ctx,
  };
}

const create = (options: Parameters<typeof inputs>[0] = {}): Promise<Stack> => createStack(inputs(options));

interface Found {
  readonly header: Header;
  readonly text: string;
}

async function contents(layer: Layer | undefined): Promise<ReadonlyMap<string, Found>> {
  const chunks: Uint8Array[] = [];
  if (layer !== undefined) for await (const chunk of layer.uncompressed()) chunks.push(Buffer.from(chunk));
  const tar = extract();
  tar.end(Buffer.concat(chunks));
  const found = new Map<string, Found>();
  for await (const entry of tar) {
    const parts: Buffer[] = [];
    for await (const part of entry as AsyncIterable<Buffer>) parts.push(part);
    expect(found.has(entry.header.name)).toBe(false);
    found.set(entry.header.name, { header: entry.header, text: Buffer.concat(parts).toString() });
  }
  return found;
}

async function digests(stack: Stack): Promise<readonly string[]> {
  return Promise.all([stack.run, stack.build].map(async (image) => (await image.manifest()).digest));
}

const layersOf = async (image: Image): Promise<readonly ReadonlyMap<string, Found>[]> =>
  Promise.all((await image.layers()).map(contents));

describe("the layers of a stack", () => {
  test("the build image is the run image with one more layer", async () => {
    const stack = await create();
    const [run, build] = await Promise.all([stack.run.config(), stack.build.config()]);
    expect(build.value.rootfs.diff_ids[0]).toBe(run.value.rootfs.diff_ids[0]);
    expect(run.value.rootfs.diff_ids).toHaveLength(1);
    expect(build.value.rootfs.diff_ids).toHaveLength(2);
  });

  test("files of merged directories are where the links point, and the links are there", async () => {
    const [run] = await layersOf((await create()).run);
    expect(run?.get("bin")?.header).toMatchObject({ type: "symlink", linkname: "usr/bin" });
    expect(run?.get("lib64")?.header).toMatchObject({ type: "symlink", linkname: "usr/lib64" });
    expect(run?.get("usr/lib/x/libc.so.6")?.text).toBe("ELF");
    expect(run?.get("usr/bin/mawk")?.header.mode).toBe(0o755);
    expect([...(run?.keys() ?? [])].filter((path) => /^(bin|lib|lib64)\//.test(path))).toEqual([]);
  });

  test("every entry comes after its directory", async () => {
    for (const layer of await layersOf((await create()).run)) {
      const seen = new Set<string>();
      for (const path of layer.keys()) {
        const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
        expect(parent === "" || seen.has(parent) ? "" : path).toBe("");
        seen.add(path);
      }
    }
  });

  test("does what maintainer scripts would do: accounts, certificates, copies, alternatives", async () => {
    const [run, build] = await layersOf((await create()).build);
    expect(run?.get("etc/passwd")?.text).toBe("root:x:0:0:root:/root:/bin/bash\ncnb:x:1000:1000::/home/cnb:/bin/sh\n");
    expect(run?.get("etc/group")?.text).toBe("root:x:0:\nshadow:x:42:\ncnb:x:1000:\n");
    expect(run?.get("etc/shadow")).toMatchObject({ header: { mode: 0o640, gid: 42 } });
    expect(run?.get("etc/shadow")?.text).toContain("cnb:*:");
    expect(run?.get("home/cnb")?.header).toMatchObject({ type: "directory", uid: 1000, gid: 1000 });
    expect(run?.get("etc/ssl/certs/ca-certificates.crt")?.text).toBe("AAA\nBBB\n");
    expect(run?.get("etc/ssl/certs/A.pem")?.header.linkname).toBe("/usr/share/ca-certificates/mozilla/A.crt");
    expect(run?.get("etc/profile")?.text).toBe("PS1=x\n");
    expect(run?.get("etc/timezone")?.text).toBe("Etc/UTC\n");
    expect(run?.get("var/mail")?.header).toMatchObject({ mode: 0o2775, gid: 8 });
    expect(run?.get("usr/bin/awk")?.header.linkname).toBe("/etc/alternatives/awk");
    expect(run?.get("etc/alternatives/awk")?.header.linkname).toBe("/usr/bin/mawk");
    expect(run?.has("usr/bin/cc")).toBe(false);
    expect(build?.get("etc/alternatives/cc")?.header.linkname).toBe("/usr/bin/gcc");
  });

  test("drops what the stack declares, and keeps licences and the state of packages", async () => {
    const [run, build] = await layersOf((await create()).build);
    expect(run?.has("usr/share/doc/base/README")).toBe(false);
    expect(run?.get("usr/share/doc/base/copyright")?.text).toBe("kept");
    expect(run?.get("var/lib/dpkg/status.d/libc")?.text).toMatch(
      /^Package: libc\nStatus: install ok installed\nVersion: 2\.1\n/,
    );
    expect(run?.has("var/lib/dpkg/status.d/libc.md5sums")).toBe(true);
    expect(build?.has("var/lib/dpkg/status.d/compiler")).toBe(true);
  });

  test("all times are the fixed one", async () => {
    const [run] = await layersOf((await create()).run);
    const times = new Set([...(run?.values() ?? [])].map((each) => each.header.mtime?.getTime()));
    expect([...times]).toEqual([Date.parse("1980-01-01T00:00:01Z")]);
  });

  test("the config has user, labels, and the numbers of the user for the build", async () => {
    const stack = await create();
    const [run, build] = await Promise.all([stack.run.config(), stack.build.config()]);
    expect(run.value).toMatchObject({ os: "linux", architecture: "amd64", created: "1980-01-01T00:00:01Z" });
    expect(run.value.config).toMatchObject({ User: "1000:1000", Env: ["PATH=/usr/bin:/bin"] });
    expect(run.value.config?.Labels).toMatchObject({
      "io.buildpacks.base.id": "test.stack",
      "io.buildpacks.base.distro.name": "debian",
      "io.buildpacks.base.distro.version": "12",
      "io.buildpacks.base.released": "2026-07-11T10:16:37Z",
      "io.buildpacks.stack.id": "test.stack",
    });
    expect(build.value.config?.Env).toEqual(expect.arrayContaining(["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"]));
  });

  test("the bills of materials name every package of their image", async () => {
    const { sbom } = await create();
    const purls = (text: string): unknown[] =>
      (JSON.parse(text) as { components: { purl: string }[] }).components.map((each) => each.purl);
    expect(purls(sbom.run.cyclonedx)).toEqual([
      "pkg:deb/debian/base@1?arch=amd64&distro=debian-12",
      "pkg:deb/debian/libc@2.1?arch=amd64&distro=debian-12",
    ]);
    expect(purls(sbom.build.cyclonedx)).toHaveLength(3);
    expect(JSON.parse(sbom.build.spdx)).toMatchObject({ spdxVersion: "SPDX-2.3", packages: { length: 3 } });
  });
});

describe("stack.lock", () => {
  test("the same lock gives the same digests, with another cache", async () => {
    const first = await create();
    const lock = await readFile(join(dir, "stack.lock"), "utf8");
    const second = await create({ cache: "other" });
    expect(await digests(second)).toEqual(await digests(first));
    expect(await readFile(join(dir, "stack.lock"), "utf8")).toBe(lock);
  });

  test("a locked stack asks for packages only, and a cached one for nothing", async () => {
    await create();
    mirror.seen.splice(0);
    await create({ cache: "other" });
    expect(mirror.seen.filter((path) => path.startsWith("dists/"))).toEqual([]);
    mirror.seen.splice(0);
    await create({ cache: "other" });
    expect(mirror.seen).toEqual([]);
  });

  test("layers that are in the blob cache are not packed again", async () => {
    const shared = inputs();
    const first = await createStack(shared);
    await rm(join(dir, "cache", "debian"), { recursive: true });
    mirror.files.clear();
    expect(await digests(await createStack(shared))).toEqual(await digests(first));
  });

  test("a version that the mirror no longer has is an error that says how to go on", async () => {
    await create();
    const deb = await makeDeb({ name: "libc", version: "2.1" });
    mirror.files.delete(deb.path);
    await expect(create({ cache: "other" })).rejects.toMatchObject({
      code: "PACKAGE_NOT_FOUND",
      message: expect.stringContaining("libc 2.1") as string,
      hint: expect.stringContaining("tspack stack update") as string,
    });
  });

  test("a package with other bytes than the lock's is refused", async () => {
    await create();
    const { path } = await makeDeb({ name: "libc", version: "2.1" });
    mirror.files.set(path, Buffer.alloc(mirror.files.get(path)?.length ?? 0));
    await expect(create({ cache: "other" })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("an update takes the versions of the archive and writes the lock anew", async () => {
    await create();
    const newer = packages.map((each) => (each.name === "libc" ? { ...each, version: "2.2" } : each));
    await mirror.close();
    mirror = await serve(await makeArchive(await Promise.all(newer.map(makeDeb)), key));
    const { lock } = await create({ update: true });
    expect(lock.packages.find((each) => each.name === "libc")?.version).toBe("2.2");
    expect(await readFile(join(dir, "stack.lock"), "utf8")).toContain('"version":"2.2"');
  });

  test("a lock of another list of packages is refused", async () => {
    await create();
    await writeFile(join(dir, "stack.toml"), stackToml.replace('build = ["compiler"]', 'build = ["libc"]'));
    await expect(create()).rejects.toMatchObject({ code: "INVALID_STACK" });
  });

  test("a damaged lock is refused with every field that is wrong", async () => {
    await create();
    const text = await readFile(join(dir, "stack.lock"), "utf8");
    const damaged = text.replace(/"sha256":"[0-9a-f]{64}"/, '"sha256":"x"').replace(/"path":"/, '"path":"../');
    await writeFile(join(dir, "stack.lock"), damaged);
    await expect(create()).rejects.toMatchObject({
      code: "INVALID_STACK",
      issues: [{ path: "packages[0].sha256" }, { path: "packages[0].path" }],
    });
  });
});

describe("packages that do not go together", () => {
  async function createWith(extra: FakePackage): Promise<Stack> {
    await writeFile(join(dir, "stack.toml"), stackToml.replace('run = ["base"]', `run = ["base", "${extra.name}"]`));
    await mirror.close();
    mirror = await serve(await makeArchive(await Promise.all([...packages, extra].map(makeDeb)), key));
    return create();
  }

  test("two packages with the same file are refused", async () => {
    const files = { "usr/share/base/profile": "mine" };
    await expect(createWith({ name: "other", version: "1", files })).rejects.toMatchObject({
      code: "INVALID_STACK",
      message: expect.stringMatching(/base.*other/) as string,
    });
  });

  test("a file below another package's symlink is refused", async () => {
    const files = { "srv/link": { type: "symlink", linkname: "/etc" } as const };
    await createWith({ name: "aaa", version: "1", files });
    const below = { ...files, "srv/link/passwd": "x" };
    await expect(createWith({ name: "bbb", version: "1", files: below })).rejects.toMatchObject({
      code: "INVALID_STACK",
    });
  });

  test("a compatibility link between merged directories is left out", async () => {
    const files = { "usr/bin/tool": "tool", "bin/tool": { type: "symlink", linkname: "/usr/bin/tool" } as const };
    const [run] = await layersOf((await createWith({ name: "tool", version: "1", files })).run);
    expect(run?.get("usr/bin/tool")?.text).toBe("tool");
  });
});

describe("fetchPackageFiles", () => {
  test("writes single files, links followed", async () => {
    const directory = join(dir, "files");
    const wanted = { ...inputs(), packages: ["libc"], names: ["libc.so.6", "ld.so"], directory };
    const found = await fetchPackageFiles(wanted);
    expect(found.map((each) => [each.name, each.from])).toEqual([
      ["libc.so.6", "libc 2.1"],
      ["ld.so", "libc 2.1"],
    ]);
    expect(await readFile(join(directory, "ld.so"), "utf8")).toBe("ELF");
  });

  test("names what no package has", async () => {
    const wanted = { ...inputs(), directory: join(dir, "files") };
    await expect(fetchPackageFiles({ ...wanted, packages: ["libc"], names: ["no.so"] })).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
    await expect(fetchPackageFiles({ ...wanted, packages: ["musl"], names: [] })).rejects.toMatchObject({
      code: "PACKAGE_NOT_FOUND",
    });
  });
});
