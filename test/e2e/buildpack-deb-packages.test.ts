import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { alone, DebArchive, greet, ID, libgreet } from "../buildpacks/deb-archive.ts";
import { PYTHON_PATH, skipWithoutPython } from "../buildpacks/python-tools.ts";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { makeDeb, sha256 } from "../platform/debian/fake-archive.ts";

const tools = skipWithout("apt-get", "dpkg-deb", "gpgv", "perl", "jq");
const python = skipWithoutPython();

/** A plan entry for the build. */
const entry = (packages: readonly string[], more = ""): string =>
  `[[entries]]\nname = "deb-packages"\n[entries.metadata]\nbuild = true\npackages = ${JSON.stringify(packages)}\n${more}`;

describe.skipIf(tools.skip)(`deb-packages${tools.note}`, () => {
  let archive: DebArchive;
  beforeEach(async () => {
    archive = await DebArchive.start(greet, libgreet, alone);
  });
  afterEach(() => archive.close());

  it("enables the extensions of PHP, and finds libraries where programs say that they are", async () => {
    const ini = "usr/share/php9.1-mbstring/mbstring/mbstring.ini";
    const files = {
      "usr/bin/php9.1": { mode: 0o755 },
      "usr/lib/php/20300101/mbstring.so": "ELF",
      [ini]: "; priority=25\n",
    };
    await archive.publish({ name: "php-all", version: "1", files });
    archive.workspace.write("Aptfile", "php-all\n");
    expect(await archive.build()).toMatchObject({ code: 0 });
    const settings = archive.layer("etc/php/9.1/cli/conf.d");
    expect(archive.text("env/PHP_INI_SCAN_DIR.default")).toBe(settings);
    expect(readdirSync(settings)).toEqual(["00-directory.ini", "25-mbstring.ini"]);
    expect(readFileSync(join(settings, "00-directory.ini"), "utf8")).toContain(archive.layer("usr/lib/php/20300101"));
    expect(readlinkSync(archive.layer("usr/bin/php"))).toBe("php9.1");
  });

  it("describes a layer by the packages' own data, in both forms and as a lock", async () => {
    archive.workspace.write("Aptfile", "greet\n");
    const [first, second] = await archive.publish(greet, libgreet);
    await archive.build();
    const sums = [first, second].map((deb) => sha256(deb?.bytes ?? ""));
    expect(archive.text("deb-packages.lock")).toBe(
      `# name version architecture sha256\ngreet 1:2.0-1 amd64 ${sums[0]}\nlibgreet 2.0-1 amd64 ${sums[1]}\n`,
    );
    const cdx = JSON.parse(
      readFileSync(join(archive.workspace.layers(ID), "launch-packages.sbom.cdx.json"), "utf8"),
    ) as {
      readonly components: readonly object[];
    };
    expect(cdx.components[0]).toMatchObject({
      name: "greet",
      version: "1:2.0-1",
      purl: expect.stringMatching(
        /^pkg:deb\/\w+\/greet@1%3A2\.0-1\?arch=amd64&distro=\w+-[\d.]+&upstream=greetings%402\.0$/,
      ),
      hashes: [{ alg: "SHA-256", content: sums[0] }],
    });
    const spdx = readFileSync(join(archive.workspace.layers(ID), "launch-packages.sbom.spdx.json"), "utf8");
    expect(JSON.parse(spdx)).toMatchObject({
      spdxVersion: "SPDX-2.3",
      packages: [{ name: "greet" }, { name: "libgreet" }],
    });
  });

  it("asks the archive for nothing when nothing changed, and for no file that it has when the list changed", async () => {
    archive.workspace.write("Aptfile", "greet\n");
    await archive.build();
    const asked = archive.mirror.seen.length;
    expect((await archive.build()).output).toContain("Reusing cached layer launch-packages: 2 packages for greet");
    expect(archive.mirror.seen.length).toBe(asked);
    archive.workspace.write("Aptfile", "libgreet\n");
    expect((await archive.build()).output).toContain("Reusing 1 cached packages: nothing to fetch");
    expect(existsSync(archive.layer("usr/bin/greet"))).toBe(false);
    expect(archive.fetched()).toHaveLength(2);
  });

  it("makes do with the lists and files of an earlier build when the archive does not answer", async () => {
    archive.workspace.write("Aptfile", "greet\n");
    await archive.build();
    archive.mirror.files.clear();
    archive.workspace.write("Aptfile", "libgreet\n");
    const { code, output } = await archive.build();
    expect(output).toContain("WARNING: the package lists could not be refreshed");
    expect(code).toBe(0);
  });

  it("keeps what only the build wants out of the app's image, and the other way round", async () => {
    const single = (name: string, use: string): string =>
      `[[entries]]\nname = "deb-packages"\n[entries.metadata]\n${use} = true\npackages = ["${name}"]\n`;
    expect(await archive.build(single("greet", "launch") + single("alone", "build"))).toMatchObject({ code: 0 });
    expect(archive.workspace.toml(ID, "launch-packages.toml")["types"]).toEqual({
      build: false,
      launch: true,
      cache: true,
    });
    expect(archive.workspace.toml(ID, "build-packages.toml")["types"]).toEqual({
      build: true,
      launch: false,
      cache: true,
    });
    expect(archive.text("usr/games/alone", "build-packages")).toBe("x");
    expect(existsSync(archive.layer("usr/games/alone"))).toBe(false);
    expect(await archive.build(single("alone", "launch"))).toMatchObject({ code: 0 });
    expect(existsSync(archive.layer(".", "build-packages"))).toBe(false);
  });

  it("tells who asked for a package or a version that the archive does not have, and what there is", async () => {
    archive.workspace.write("Aptfile", "greet\ngreet-tools\n");
    archive.workspace.write("project.toml", '[io.tspack.deb-packages]\nlaunch = ["alone=4"]\n');
    const { code, output } = await archive.build();
    expect(code).toBe(1);
    expect(output).toMatch(/Aptfile:2: there is no package "greet-tools" .*; there is greet/);
    expect(readdirSync(archive.workspace.layers(ID))).not.toContain("launch-packages");
    archive.workspace.write("Aptfile", "");
    expect((await archive.build()).output).toMatch(
      /project\.toml: .*\.launch: alone can not be had in version 4; there is 3/,
    );
  });

  it("refuses a package whose content is not that of the signed list, and keeps nothing of it", async () => {
    archive.workspace.write("Aptfile", "alone\n");
    const path = [...archive.mirror.files.keys()].find((name) => name.includes("alone")) ?? "";
    archive.mirror.files.set(path, Buffer.from((archive.mirror.files.get(path) ?? Buffer.alloc(0)).toReversed()));
    const { code, output } = await archive.build();
    expect(output).toMatch(/ERROR: the packages could not be fetched/);
    expect(code).toBe(1);
    expect(readdirSync(join(archive.workspace.layers(ID), "downloads/archives"))).toEqual([]);
  });

  it("takes the versions of a lock, and nothing that is not in it", async () => {
    archive.workspace.write("Aptfile", "alone\n");
    const old = await makeDeb(alone);
    archive.workspace.write("deb-packages.lock", `# lock\nalone 3 amd64 ${sha256(old.bytes)}\n`);
    await archive.publish({ ...alone, version: "4" }, alone, greet, libgreet);
    expect(await archive.build()).toMatchObject({ code: 0 });
    expect(archive.text("deb-packages.lock")).toContain(`alone 3 amd64 ${sha256(old.bytes)}`);
    archive.workspace.write("Aptfile", "alone\nlibgreet\n");
    expect((await archive.build()).output).toContain("deb-packages.lock: libgreet 2.0-1 is needed and not in it");
    rmSync(join(archive.workspace.app, "deb-packages.lock"));
    await archive.build();
    expect(archive.text("deb-packages.lock")).toContain("alone 4 amd64");
    archive.workspace.write("deb-packages.lock", "alone 4\n");
    expect((await archive.build()).output).toContain(
      'deb-packages.lock:1: expected "name version architecture sha256"',
    );
  });

  it("leaves out the paths and packages that a request can do without, and does not fetch those", async () => {
    const less = 'exclude = ["usr/share/gr*", "etc/greet"]\nwithout = ["lib*"]\n';
    const first = await archive.build(entry(["greet"], less));
    expect(first.output).toContain("Left out, as nothing that asks needs it: libgreet\nFetched 1 packages");
    expect(first.code).toBe(0);
    const there = (path: string): boolean => existsSync(archive.layer(path, "build-packages"));
    expect(["usr/bin/greet", "usr/share/greet", "etc", "usr/lib/x86_64-linux-gnu"].filter(there)).toEqual([
      "usr/bin/greet",
    ]);
    expect(archive.text("deb-packages.lock", "build-packages")).not.toContain("libgreet");
    expect(archive.fetched().map((path) => path.includes("libgreet"))).toEqual([false]);
    expect((await archive.build(entry(["greet"], less))).output).toContain("Reusing cached layer build-packages");
    expect((await archive.build(entry(["greet"]))).code).toBe(0);
    expect(there("usr/share/greet/words") && there("usr/lib/x86_64-linux-gnu/libgreet.so.2")).toBe(true);
  });

  it("leaves out nothing of what another request needs", async () => {
    const less = 'exclude = ["usr"]\nwithout = ["*"]\n';
    const { code, output } = await archive.build(entry(["greet", "alone"], less) + entry(["libgreet"]));
    expect(output).toContain("Left out, as nothing that asks needs it: alone greet\n");
    expect(code).toBe(0);
    expect(archive.text("usr/lib/x86_64-linux-gnu/libgreet.so.2", "build-packages")).toBe("ELF");
    expect((await archive.build(entry(["greet"], less) + entry(["greet"], 'exclude = ["etc"]\n'))).code).toBe(0);
    expect(archive.text("etc/greet/greet.conf", "build-packages")).toContain("words=");
  });

  it("refuses patterns that lead out of the layer, and names who gave them", async () => {
    const plan = entry(["greet"], 'source = "tspack/x"\nexclude = ["../x", "/etc"]\nwithout = ["A B"]\n');
    const { code, output } = await archive.build(plan);
    expect(code).toBe(1);
    for (const wrong of ["../x", "/etc", "A B"]) expect(output).toMatch(`found "${wrong}"`);
    expect(output).toContain("ERROR: tspack/x: exclude of deb-packages: expected");
    expect(archive.fetched()).toEqual([]);
  });

  it.skipIf(python.skip)(`compiles the library of Python to the same bytes each time${python.note}`, async () => {
    const probe = "import sys; print(sys.executable)";
    const real = execFileSync("python3", ["-c", probe], { encoding: "utf8", env: { PATH: PYTHON_PATH } }).trim();
    const program = { mode: 0o755, content: `#!/bin/sh\nexec ${real} "$@"\n` };
    const library = {
      "usr/lib/python3.99/words.py": "WORDS = {'a', 'b', 'c'}\ndef known(word):\n    return word in {'x', 'y', 'z'}\n",
      "usr/lib/python3.99/test/slow.py": "1\n",
      "usr/lib/python3/dist-packages/more/__init__.py": "import words\n",
      "usr/lib/python3/dist-packages/more/old.py": "print 'Python 2'\n",
    };
    await archive.publish({ name: "python", version: "1", files: { ...library, "usr/bin/python3.99": program } });
    archive.workspace.write("Aptfile", "python\n");
    const compiled = async (): Promise<Readonly<Record<string, string>>> => {
      const { code, output } = await archive.build();
      expect(output).not.toContain("WARNING");
      expect(code).toBe(0);
      const paths = readdirSync(archive.layer("usr/lib"), { encoding: "utf8", recursive: true });
      const files = paths.filter((path) => path.endsWith(".pyc")).sort();
      return Object.fromEntries(
        files.map((path) => [
          path.replace(/\.[^/]*$/, ""),
          readFileSync(join(archive.layer("usr/lib"), path)).toString("hex"),
        ]),
      );
    };
    const first = await compiled();
    expect(Object.keys(first)).toEqual([
      "python3.99/__pycache__/words",
      "python3/dist-packages/more/__pycache__/__init__",
    ]);
    // After the four bytes that name the version of Python: a hash of the source, which is not compared.
    for (const bytes of Object.values(first)) expect(bytes.slice(8, 16)).toBe("01000000");
    rmSync(archive.workspace.layers(ID), { recursive: true });
    expect(await compiled()).toEqual(first);
  });
});
