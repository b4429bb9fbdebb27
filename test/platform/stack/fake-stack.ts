import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract, type Header } from "tar-stream";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import type { Layer } from "../../../lifecycle/oci/layer.ts";
import type { CreateStackInputs, Stack } from "../../../lifecycle/platform/stack/create-stack.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import { makeArchive, makeDeb, makeKey, serve } from "../debian/fake-archive.ts";
import type { FakeKey, FakeMirror, FakePackage } from "../debian/fake-archive.ts";

/** Two packages of the run image, and one more for the build image. */
export const packages: readonly FakePackage[] = [
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
    fields: { Source: "glibc (2.0)" },
    files: { "lib/x/libc.so.6": "ELF", "lib64/ld.so": { type: "symlink", linkname: "/lib/x/libc.so.6" } },
  },
  {
    name: "compiler",
    version: "12",
    fields: { Depends: "libc" },
    files: { "usr/bin/gcc-12": "gcc", "usr/bin/gcc": { type: "symlink", linkname: "gcc-12" } },
  },
];

/** The stack that is made of them. */
export const stackToml = `
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

/** A stack file in a folder of its own, and a mirror with its packages. */
export interface FakeStack {
  readonly dir: string;
  readonly mirror: FakeMirror;
  /** Serves these packages from now on, by another mirror; the old one goes unless it is kept. */
  publish(packages: readonly FakePackage[], options?: { readonly keepOld?: boolean }): Promise<void>;
  /** `cache` names the folder of downloads. */
  inputs(options?: { readonly cache?: string; readonly update?: boolean }): CreateStackInputs;
}

/** Gives every test of the file a fresh one. */
export function useFakeStack(): () => FakeStack {
  let key: FakeKey;
  let root = "";
  let cases = 0;
  let dir = "";
  let mirror: FakeMirror;
  const others: FakeMirror[] = [];

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
  afterEach(() => Promise.all([mirror, ...others.splice(0)].map((each) => each.close())));

  return () => ({
    dir,
    mirror,
    publish: async (published, { keepOld = false } = {}) => {
      if (keepOld) others.push(mirror);
      else await mirror.close();
      mirror = await serve(await makeArchive(await Promise.all(published.map(makeDeb)), key));
    },
    inputs: ({ cache = "cache", update } = {}) => ({
      stackFile: join(dir, "stack.toml"),
      arch: "amd64",
      mirrors: { roots: new Map([["debian", mirror.url]]), origin: "the test" },
      cacheDir: join(dir, cache),
      lockFile: join(dir, "stack.lock"),
      update,
      blobs: memoryBlobCache(),
      ctx: {
        logger: silentLogger,
        progress: silentProgress,
        clock: () => new Date(),
        signal: new AbortController().signal,
      },
    }),
  });
}

/** Digests of the manifests of both images. */
export async function digestsOf(stack: Stack): Promise<readonly string[]> {
  return Promise.all([stack.run, stack.build].map(async (image) => (await image.manifest()).digest));
}

/** An entry of a layer. */
export interface Found {
  readonly header: Header;
  readonly text: string;
}

async function contentsOf(layer: Layer | undefined): Promise<ReadonlyMap<string, Found>> {
  const chunks: Uint8Array[] = [];
  if (layer !== undefined) for await (const chunk of layer.uncompressed()) chunks.push(Buffer.from(chunk));
  const tar = extract();
  tar.end(Buffer.concat(chunks));
  const found = new Map<string, Found>();
  for await (const entry of tar) {
    const parts: Buffer[] = [];
    for await (const part of entry as AsyncIterable<Buffer>) parts.push(part);
    if (found.has(entry.header.name)) throw new Error(`${entry.header.name} is in the layer twice`);
    found.set(entry.header.name, { header: entry.header, text: Buffer.concat(parts).toString() });
  }
  return found;
}

/** The entries of each layer, by path. */
export async function layersOf(image: Image): Promise<readonly ReadonlyMap<string, Found>[]> {
  return Promise.all((await image.layers()).map(contentsOf));
}
