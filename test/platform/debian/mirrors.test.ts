import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mirrorsFromAptSources, parseAptSources } from "../../../lifecycle/platform/debian/apt-sources.ts";
import { chooseMirrors } from "../../../lifecycle/platform/debian/mirrors.ts";

const suites = [
  { archive: "debian", name: "bookworm" },
  { archive: "security", name: "bookworm-security" },
];

const deb822 = `# the machine's archive
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
 contrib

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Enabled: yes

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;

describe("apt sources", () => {
  test("reads paragraphs with several suites, continuation lines and switched-off ones", () => {
    expect(parseAptSources([{ name: "debian.sources", text: deb822 }])).toEqual([
      { uri: "http://mirror.example/debian", suite: "bookworm", components: ["main", "contrib"] },
      { uri: "http://mirror.example/debian", suite: "bookworm-updates", components: ["main", "contrib"] },
      { uri: "http://mirror.example/debian-security", suite: "bookworm-security", components: ["main"] },
    ]);
  });

  test("reads lines with options and comments, and no source packages", () => {
    const text = [
      "# deb http://commented.example/debian bookworm main",
      "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm main contrib # why",
      "deb-src https://mirror.example/debian bookworm main",
      "deb cdrom:[Debian 12]/ bookworm main",
    ].join("\n");
    expect(parseAptSources([{ name: "sources.list", text }])).toEqual([
      { uri: "https://mirror.example/debian", suite: "bookworm", components: ["main", "contrib"] },
    ]);
  });

  test("takes only the suites asked for, from a source with component main", () => {
    const text = "deb http://vendor.example/x nodistro main\ndeb http://part.example/debian bookworm contrib\n";
    expect([...mirrorsFromAptSources([{ name: "a.list", text }], ["bookworm"])]).toEqual([]);
  });

  test("leaves other files of the folder alone", () => {
    expect(
      parseAptSources([{ name: "vendor.list.disabled", text: "deb http://a.example/debian bookworm main" }]),
    ).toEqual([]);
  });
});

describe("chooseMirrors", () => {
  let aptDir = "";
  beforeEach(async () => {
    aptDir = await mkdtemp(join(tmpdir(), "tspack-apt-"));
    await mkdir(join(aptDir, "sources.list.d"));
    await writeFile(join(aptDir, "sources.list.d", "debian.sources"), deb822);
  });
  afterEach(() => rm(aptDir, { recursive: true, force: true }));

  test("prefers --mirror, then the variable, then the configuration, then apt", async () => {
    const all = { option: "http://a.x/debian", env: "http://b.x/debian", config: "http://c.x/debian", aptDir, suites };
    const root = async (choice: Partial<typeof all>): Promise<unknown> =>
      (await chooseMirrors({ suites, ...choice })).roots.get("debian");
    expect(await root(all)).toBe("http://a.x/debian");
    expect(await root({ ...all, option: "" })).toBe("http://b.x/debian");
    expect(await root({ config: all.config, aptDir })).toBe("http://c.x/debian");
    expect(await root({ aptDir })).toBe("http://mirror.example/debian");
  });

  test("derives the other archives' addresses, or takes them as given", async () => {
    const derived = await chooseMirrors({ option: "https://a.x/mirror/debian/", suites });
    expect([...derived.roots]).toEqual([
      ["debian", "https://a.x/mirror/debian"],
      ["security", "https://a.x/mirror/debian-security"],
    ]);
    const given = await chooseMirrors({ option: "https://a.x/d security=https://b.x/s/", suites });
    expect(given.roots.get("security")).toBe("https://b.x/s");
  });

  test.each(["mirror", "ftp://a.x/debian", "https://a.x/pool", "file:///debian"])("refuses %s", async (option) => {
    await expect(chooseMirrors({ option, suites })).rejects.toMatchObject({
      code: "INVALID_ARGUMENTS",
      issues: [{ source: "--mirror" }],
    });
  });

  test("shows no password of an address that it refuses", async () => {
    const error = await chooseMirrors({ env: "https://me:secret@a.x/pool", suites }).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).toContain("a.x/pool");
    expect(JSON.stringify(error)).not.toContain("secret");
  });

  test("takes the archive of another release where apt has not the one asked for", async () => {
    const other = ["debian", "security"].map((archive) => ({ archive, name: `other-${archive}` }));
    await writeFile(
      join(aptDir, "sources.list"),
      "deb http://b.x/debian bookworm main\ndeb http://b.x/debian-security bookworm-security main\n",
    );
    expect([...(await chooseMirrors({ suites: other, aptDir })).roots]).toEqual([
      ["debian", "http://b.x/debian"],
      ["security", "http://b.x/debian-security"],
    ]);
  });

  test("fails with the three ways to name a mirror when nothing names one", async () => {
    const wanted = {
      code: "MIRROR_UNKNOWN",
      hint: expect.stringMatching(/--mirror.*TSPACK_DEBIAN_MIRROR.*config\.toml/),
    };
    await expect(chooseMirrors({ suites })).rejects.toMatchObject(wanted);
    await expect(chooseMirrors({ suites, aptDir: join(aptDir, "absent") })).rejects.toMatchObject(wanted);
    await rm(join(aptDir, "sources.list.d", "debian.sources"));
    await writeFile(
      join(aptDir, "sources.list"),
      "deb http://a.x/ubuntu noble main\ndeb http://a.x/debian sid contrib\n",
    );
    await expect(chooseMirrors({ suites, aptDir })).rejects.toMatchObject(wanted);
  });
});
