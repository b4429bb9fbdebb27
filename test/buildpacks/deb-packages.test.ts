import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeKey } from "../platform/debian/fake-archive.ts";
import { alone, DebArchive, greet, ID, libgreet } from "./deb-archive.ts";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, Workspace } from "./workspace.ts";

const tools = skipWithout("apt-get", "dpkg-deb", "gpgv", "perl", "jq");

describe.skipIf(tools.skip)(`deb-packages${tools.note}`, () => {
  let archive: DebArchive;
  beforeEach(async () => {
    archive = await DebArchive.start(greet, libgreet, alone);
  });
  afterEach(() => archive.close());

  it("offers packages to all, and takes part by itself only for an application that lists some", async () => {
    const provides = [{ name: "deb-packages" }];
    expect(await archive.workspace.detect(ID)).toMatchObject({ code: 0, plan: { provides } });
    archive.workspace.write("Aptfile", "# none\n");
    expect((await archive.workspace.detect(ID)).plan).toEqual({ provides });
    archive.workspace.write("project.toml", '[io.tspack.deb-packages]\nbuild = [ # one\n  "greet",\n]\n');
    expect((await archive.workspace.detect(ID)).plan).toEqual({ provides, requires: provides });
  });

  it("names every line that asks for something else than a package of the archive", async () => {
    const address = "https://me:SECRET@host.test/x_1_amd64.deb";
    archive.workspace.write("Aptfile", `greet\n${address}\n:repo:deb http://host.test bookworm main\nBad Name=\n`);
    archive.workspace.write("project.toml", "[io.tspack.deb-packages]\npackages = 3\nrun = []\n");
    const { code, output } = await archive.workspace.detect(ID);
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
    archive.workspace.write("Aptfile", "greet # says hello\n");
    expect(await archive.build()).toMatchObject({ code: 0 });
    const root = archive.layer(".");
    expect(archive.text("usr/bin/greet")).toBe(
      `#!${root}/usr/bin/greetsh\ncat ${root}/usr/share/greet/words /usr/share/other /etc/passwd\n`,
    );
    expect(archive.text("etc/greet/greet.conf")).toBe(`words=${root}/usr/share/greet/words/\n`);
    expect(readlinkSync(archive.layer("usr/bin/hello"))).toBe("greet");
    expect(lstatSync(archive.layer("usr/bin/greetsh")).mode & 0o7777).toBe(0o755);
    expect(archive.text("usr/lib/x86_64-linux-gnu/pkgconfig/greet.pc")).toBe(`prefix=${root}/usr\n`);
    expect(readdirSync(archive.layer("usr/share/doc/greet"))).toEqual(["copyright"]);
    expect(existsSync(archive.layer("usr/share/man"))).toBe(false);
    expect(archive.text("env/PATH.prepend")).toBe(`${root}/usr/bin`);
    expect(archive.text("env/LD_LIBRARY_PATH.prepend")).toContain(`${root}/usr/lib/x86_64-linux-gnu`);
    expect(archive.text("env.build/PKG_CONFIG_PATH.prepend")).toBe(`${root}/usr/lib/x86_64-linux-gnu/pkgconfig`);
    expect(archive.workspace.toml(ID, "launch-packages.toml")["types"]).toEqual({
      build: true,
      launch: true,
      cache: true,
    });
    expect(existsSync(archive.layer(".", "build-packages"))).toBe(false);
  });

  it("takes nothing from an archive that is not signed by a known key, or need not be", async () => {
    archive.workspace.write("Aptfile", "greet\n");
    archive.bind(`deb ${archive.mirror.url} bookworm main\n`, (await makeKey("somebody else")).publicKey);
    const { code, output } = await archive.build();
    expect(output).toContain("are not signed by a known key");
    expect(code).toBe(1);
    archive.bind(`deb [trusted=yes] ${archive.mirror.url} bookworm main\n`);
    expect((await archive.build()).output).toContain("switches the check of signatures off");
    expect(archive.fetched()).toEqual([]);
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
