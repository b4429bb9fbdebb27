import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeArchive, makeDeb, makeKey, serve, sha256 } from "../platform/debian/fake-archive.ts";
import type { FakeDeb, FakeKey, FakeMirror, FakePackage } from "../platform/debian/fake-archive.ts";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, Workspace, type Outcome } from "./workspace.ts";

const tools = skipWithout("apt-get", "dpkg-deb", "gpgv", "perl", "jq");
const ID = "deb-packages";

const greet: FakePackage = {
  name: "greet",
  version: "1:2.0-1",
  fields: {
    Depends: "libgreet, debconf (>= 0.5) | debconf-2.0, libc6 (>= 2.0)",
    Source: "greetings (2.0)",
    Homepage: "https://greet.test",
  },
  files: {
    "usr/bin/greet": "#!/usr/bin/greetsh\ncat /usr/share/greet/words /usr/share/other /etc/passwd\n",
    "usr/bin/greetsh": { mode: 0o4755 },
    "usr/bin/hello": { type: "symlink", linkname: "/usr/bin/greet" },
    "etc/greet/greet.conf": "words=/usr/share/greet/words/\n",
    "usr/share/greet/words": "hello\n",
    "usr/share/man/man1/greet.1": "manual",
    "usr/share/doc/greet/copyright": "free",
    "usr/share/doc/greet/NEWS": "new",
  },
};
const libgreet: FakePackage = {
  name: "libgreet",
  version: "2.0-1",
  files: {
    "usr/lib/x86_64-linux-gnu/libgreet.so.2": "ELF",
    "usr/lib/x86_64-linux-gnu/pkgconfig/greet.pc": "prefix=/usr\n",
  },
};
const alone: FakePackage = { name: "alone", version: "3", files: { "usr/games/alone": "x" } };

describe.skipIf(tools.skip)(`deb-packages${tools.note}`, () => {
  let workspace: Workspace;
  let mirror: FakeMirror;
  let key: FakeKey;
  beforeEach(async () => {
    workspace = new Workspace();
    key = await makeKey("archive");
    mirror = await serve(new Map());
    await publish(greet, libgreet, alone);
    bind(`deb ${mirror.url} bookworm main\n`);
  });
  afterEach(async () => {
    await mirror.close();
    workspace.remove();
  });

  /** Replaces what the archive has. */
  async function publish(...packages: readonly FakePackage[]): Promise<readonly FakeDeb[]> {
    const debs = await Promise.all(packages.map(makeDeb));
    mirror.files.clear();
    for (const [path, bytes] of await makeArchive(debs, key, { forApt: true })) mirror.files.set(path, bytes);
    return debs;
  }

  function bind(sources: string, publicKey = key.publicKey): void {
    const binding = join(workspace.platform, "bindings/archive");
    mkdirSync(binding, { recursive: true });
    writeFileSync(join(binding, "type"), "apt\n");
    writeFileSync(join(binding, "sources.list"), sources);
    writeFileSync(join(binding, "key.asc"), publicKey);
  }

  function build(plan = '[[entries]]\nname = "deb-packages"\n'): Promise<Outcome> {
    const planFile = join(workspace.root, "plan.toml");
    writeFileSync(planFile, plan);
    return workspace.build(ID, [], { CNB_TARGET_ARCH: "amd64", CNB_BP_PLAN_PATH: planFile });
  }

  const layer = (path: string, name = "launch-packages"): string => join(workspace.layers(ID), name, path);
  const text = (path: string, name?: string): string => readFileSync(layer(path, name), "utf8");

  it("offers packages to all, and takes part by itself only for an application that lists some", async () => {
    const provides = [{ name: "deb-packages" }];
    expect(await workspace.detect(ID)).toMatchObject({ code: 0, plan: { provides } });
    workspace.write("Aptfile", "# none\n");
    expect((await workspace.detect(ID)).plan).toEqual({ provides });
    workspace.write("project.toml", '[io.tspack.deb-packages]\nbuild = [ # one\n  "greet",\n]\n');
    expect((await workspace.detect(ID)).plan).toEqual({ provides, requires: provides });
  });

  it("names every line that asks for something else than a package of the archive", async () => {
    const address = "https://me:SECRET@host.test/x_1_amd64.deb";
    workspace.write("Aptfile", `greet\n${address}\n:repo:deb http://host.test bookworm main\nBad Name=\n`);
    workspace.write("project.toml", "[io.tspack.deb-packages]\npackages = 3\nrun = []\n");
    const { code, output } = await workspace.detect(ID);
    expect(code).toBe(1);
    const places = [
      "Aptfile:2: ",
      "Aptfile:3: ",
      "Aptfile:4: ",
      "deb-packages.packages: expected an array",
      'no field "run"',
    ];
    for (const place of places) expect(output).toContain(place);
    expect(output).not.toContain("SECRET");
  });

  it("unpacks packages and their dependencies so that they work where they are", async () => {
    workspace.write("Aptfile", "greet # says hello\n");
    expect(await build()).toMatchObject({ code: 0 });
    const root = layer(".");
    expect(text("usr/bin/greet")).toBe(
      `#!${root}/usr/bin/greetsh\ncat ${root}/usr/share/greet/words /usr/share/other /etc/passwd\n`,
    );
    expect(text("etc/greet/greet.conf")).toBe(`words=${root}/usr/share/greet/words/\n`);
    expect(readlinkSync(layer("usr/bin/hello"))).toBe("greet");
    expect(lstatSync(layer("usr/bin/greetsh")).mode & 0o7777).toBe(0o755);
    expect(text("usr/lib/x86_64-linux-gnu/pkgconfig/greet.pc")).toBe(`prefix=${root}/usr\n`);
    expect(readdirSync(layer("usr/share/doc/greet"))).toEqual(["copyright"]);
    expect(existsSync(layer("usr/share/man"))).toBe(false);
    expect(text("env/PATH.prepend")).toBe(`${root}/usr/bin`);
    expect(text("env/LD_LIBRARY_PATH.prepend")).toContain(`${root}/usr/lib/x86_64-linux-gnu`);
    expect(text("env.build/PKG_CONFIG_PATH.prepend")).toBe(`${root}/usr/lib/x86_64-linux-gnu/pkgconfig`);
    expect(workspace.toml(ID, "launch-packages.toml")["types"]).toEqual({ build: true, launch: true, cache: true });
    expect(existsSync(layer(".", "build-packages"))).toBe(false);
  });

  it("enables the extensions of PHP, and finds libraries where programs say that they are", async () => {
    const ini = "usr/share/php9.1-mbstring/mbstring/mbstring.ini";
    const files = {
      "usr/bin/php9.1": { mode: 0o755 },
      "usr/lib/php/20300101/mbstring.so": "ELF",
      [ini]: "; priority=25\n",
    };
    await publish({ name: "php-all", version: "1", files });
    workspace.write("Aptfile", "php-all\n");
    expect(await build()).toMatchObject({ code: 0 });
    const settings = layer("etc/php/9.1/cli/conf.d");
    expect(text("env/PHP_INI_SCAN_DIR.default")).toBe(settings);
    expect(readdirSync(settings)).toEqual(["00-directory.ini", "25-mbstring.ini"]);
    expect(readFileSync(join(settings, "00-directory.ini"), "utf8")).toContain(layer("usr/lib/php/20300101"));
    expect(readlinkSync(layer("usr/bin/php"))).toBe("php9.1");
  });

  it("describes a layer by the packages' own data, in both forms and as a lock", async () => {
    workspace.write("Aptfile", "greet\n");
    const [first, second] = await publish(greet, libgreet);
    await build();
    const sums = [first, second].map((deb) => sha256(deb?.bytes ?? ""));
    expect(text("deb-packages.lock")).toBe(
      `# name version architecture sha256\ngreet 1:2.0-1 amd64 ${sums[0]}\nlibgreet 2.0-1 amd64 ${sums[1]}\n`,
    );
    const cdx = JSON.parse(readFileSync(join(workspace.layers(ID), "launch-packages.sbom.cdx.json"), "utf8")) as {
      readonly components: readonly object[];
    };
    expect(cdx.components[0]).toMatchObject({
      name: "greet",
      version: "1:2.0-1",
      purl: expect.stringMatching(/^pkg:deb\/\w+\/greet@1%3A2\.0-1\?arch=amd64&upstream=greetings&distro=\w+-[\d.]+$/),
      hashes: [{ alg: "SHA-256", content: sums[0] }],
    });
    const spdx = readFileSync(join(workspace.layers(ID), "launch-packages.sbom.spdx.json"), "utf8");
    expect(JSON.parse(spdx)).toMatchObject({
      spdxVersion: "SPDX-2.3",
      packages: [{ name: "greet" }, { name: "libgreet" }],
    });
  });

  it("asks the archive for nothing when nothing changed, and for no file that it has when the list changed", async () => {
    workspace.write("Aptfile", "greet\n");
    await build();
    const asked = mirror.seen.length;
    expect((await build()).output).toContain("Reusing cached layer launch-packages: 2 packages for greet");
    expect(mirror.seen.length).toBe(asked);
    workspace.write("Aptfile", "libgreet\n");
    expect((await build()).output).toContain("Reusing 1 cached packages: nothing to fetch");
    expect(existsSync(layer("usr/bin/greet"))).toBe(false);
    expect(mirror.seen.filter((path) => path.endsWith(".deb"))).toHaveLength(2);
  });

  it("makes do with the lists and files of an earlier build when the archive does not answer", async () => {
    workspace.write("Aptfile", "greet\n");
    await build();
    mirror.files.clear();
    workspace.write("Aptfile", "libgreet\n");
    const { code, output } = await build();
    expect(output).toContain("WARNING: the package lists could not be refreshed");
    expect(code).toBe(0);
  });

  it("keeps what only the build wants out of the app's image, and the other way round", async () => {
    const entry = (name: string, use: string): string =>
      `[[entries]]\nname = "deb-packages"\n[entries.metadata]\n${use} = true\npackages = ["${name}"]\n`;
    expect(await build(entry("greet", "launch") + entry("alone", "build"))).toMatchObject({ code: 0 });
    expect(workspace.toml(ID, "launch-packages.toml")["types"]).toEqual({ build: false, launch: true, cache: true });
    expect(workspace.toml(ID, "build-packages.toml")["types"]).toEqual({ build: true, launch: false, cache: true });
    expect(text("usr/games/alone", "build-packages")).toBe("x");
    expect(existsSync(layer("usr/games/alone"))).toBe(false);
    expect(await build(entry("alone", "launch"))).toMatchObject({ code: 0 });
    expect(existsSync(layer(".", "build-packages"))).toBe(false);
  });

  it("tells who asked for a package or a version that the archive does not have, and what there is", async () => {
    workspace.write("Aptfile", "greet\ngreet-tools\n");
    workspace.write("project.toml", '[io.tspack.deb-packages]\nlaunch = ["alone=4"]\n');
    const { code, output } = await build();
    expect(code).toBe(1);
    expect(output).toMatch(/Aptfile:2: there is no package "greet-tools" .*; there is greet/);
    expect(readdirSync(workspace.layers(ID))).not.toContain("launch-packages");
    workspace.write("Aptfile", "");
    expect((await build()).output).toMatch(/project\.toml: .*\.launch: alone can not be had in version 4; there is 3/);
  });

  it("takes nothing from an archive that is not signed by a known key, or need not be", async () => {
    workspace.write("Aptfile", "greet\n");
    bind(`deb ${mirror.url} bookworm main\n`, (await makeKey("somebody else")).publicKey);
    const { code, output } = await build();
    expect(output).toContain("are not signed by a known key");
    expect(code).toBe(1);
    bind(`deb [trusted=yes] ${mirror.url} bookworm main\n`);
    expect((await build()).output).toContain("switches the check of signatures off");
    expect(mirror.seen.filter((path) => path.endsWith(".deb"))).toEqual([]);
  });

  it("refuses a package whose content is not that of the signed list, and keeps nothing of it", async () => {
    workspace.write("Aptfile", "alone\n");
    const path = [...mirror.files.keys()].find((name) => name.includes("alone")) ?? "";
    mirror.files.set(path, Buffer.from((mirror.files.get(path) ?? Buffer.alloc(0)).toReversed()));
    const { code, output } = await build();
    expect(output).toMatch(/ERROR: the packages could not be fetched/);
    expect(code).toBe(1);
    expect(readdirSync(join(workspace.layers(ID), "downloads/archives"))).toEqual([]);
  });

  it("takes the versions of a lock, and nothing that is not in it", async () => {
    workspace.write("Aptfile", "alone\n");
    const old = await makeDeb(alone);
    workspace.write("deb-packages.lock", `# lock\nalone 3 amd64 ${sha256(old.bytes)}\n`);
    await publish({ ...alone, version: "4" }, alone, greet, libgreet);
    expect(await build()).toMatchObject({ code: 0 });
    expect(text("deb-packages.lock")).toContain(`alone 3 amd64 ${sha256(old.bytes)}`);
    workspace.write("Aptfile", "alone\nlibgreet\n");
    expect((await build()).output).toContain("deb-packages.lock: libgreet 2.0-1 is needed and not in it");
    rmSync(join(workspace.app, "deb-packages.lock"));
    await build();
    expect(text("deb-packages.lock")).toContain("alone 4 amd64");
    workspace.write("deb-packages.lock", "alone 4\n");
    expect((await build()).output).toContain('deb-packages.lock:1: expected "name version architecture sha256"');
  });
});

const compiler = skipWithout("cc", "perl");

it.skipIf(compiler.skip)(`directories of libraries are read from programs${compiler.note}`, async () => {
  const workspace = new Workspace();
  try {
    const root = join(workspace.root, "layer");
    for (const name of ["usr/bin", "usr/lib/own", "usr/lib/empty"]) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "usr/lib/own/libown.so.1"), "x");
    writeFileSync(join(root, "usr/bin/script"), "#!/bin/sh\n".repeat(100), { mode: 0o755 });
    const source = join(workspace.root, "main.c");
    writeFileSync(source, "int main(void) { return 0; }\n");
    const env = { PATH: process.env["PATH"] ?? "" };
    const paths = "-Wl,-rpath,/usr/lib:/usr/lib/empty:/lib/own/:/usr/lib/none:$ORIGIN/x";
    const compiled = await capture(["cc", paths, "-o", join(root, "usr/bin/program"), source], root, env);
    expect(compiled).toEqual({ code: 0, output: "" });
    const program = join(buildpackDirectory(ID), "lib/runpaths.pl");
    expect(await capture([program, root], root, env)).toEqual({ code: 0, output: "usr/lib/own\n" });
  } finally {
    workspace.remove();
  }
});
