import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sample, stringMatching, tuple } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { readArchive } from "../../lifecycle/platform/debian/archive.ts";
import { openDownloader } from "../../lifecycle/platform/debian/download.ts";
import { chooseMirrors, type Mirrors } from "../../lifecycle/platform/debian/mirrors.ts";
import { indexPackages, type PackageIndex, type Pin } from "../../lifecycle/platform/debian/package-index.ts";
import { resolvePackages } from "../../lifecycle/platform/debian/resolve.ts";
import { compareVersions } from "../../lifecycle/platform/debian/version.ts";
import { readStackFile } from "../../lifecycle/platform/stack/stack-file.ts";
import { type AptRoot, aptRoot } from "./apt-root.ts";

// Our choice of packages has to be apt's: what is asked of both is the same, and so are the answers.
const inCi = process.env["CI"] !== undefined;
const lacksApt = !existsSync("/usr/bin/apt-get") && !inCi;
const ring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const stack = await readStackFile(resolve(import.meta.dirname, "../../stacks/bookworm/stack.toml"));
const mirrors: Mirrors | undefined = await chooseMirrors({
  env: process.env["TSPACK_DEBIAN_MIRROR"],
  aptDir: "/etc/apt",
  suites: stack.suites,
}).catch((error: unknown) => {
  if (inCi) throw error;
  return undefined;
});
const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

function ours(index: PackageIndex, names: readonly string[]): readonly string[] | "refused" {
  try {
    return resolvePackages(index, { names, omit: [] }).map(({ name, version }) => `${name}=${version}`);
  } catch {
    return "refused";
  }
}

async function theirs(apt: AptRoot, names: readonly string[]): Promise<readonly string[] | "refused"> {
  const found = await apt.simulate(names);
  if (typeof found === "string") return "refused";
  return [...found].map(([name, version]) => `${name}=${version}`).sort(byName);
}

function byName(a: string, b: string): number {
  return (a.split("=")[0] ?? "") < (b.split("=")[0] ?? "") ? -1 : 1;
}

test.skipIf(lacksApt)("versions of any form are compared as dpkg compares them (needs dpkg)", () => {
  const version = stringMatching(/^([0-9]:)?[0-9][0-9a-cA-C.+~]{0,8}(-[0-9a-cA-C.+~]{1,4})?$/);
  const pairs = sample(tuple(version, version), 400);
  // One shell for all: it prints the relation that holds for each pair.
  const script =
    'while read -r a b; do for r in lt eq gt; do if dpkg --compare-versions "$a" "$r" "$b"; then echo "$r"; fi; done; done';
  const input = pairs.map((pair) => `${pair.join(" ")}\n`).join("");
  const theirVerdicts = execFileSync("sh", ["-c", script], { input, encoding: "utf8" }).trimEnd().split("\n");
  const words = new Map([
    [-1, "lt"],
    [0, "eq"],
    [1, "gt"],
  ]);
  const ourVerdicts = pairs.map(([a, b]) => words.get(Math.sign(compareVersions(a, b))));
  expect(pairs.map((pair, index) => [...pair, ourVerdicts[index]])).toEqual(
    pairs.map((pair, index) => [...pair, theirVerdicts[index]]),
  );
});

describe.skipIf(lacksApt)("an archive with every kind of dependency (needs apt-get)", () => {
  const entry = (name: string, version: string, fields: Readonly<Record<string, string>> = {}): string => {
    const all = { Package: name, Version: version, Architecture: "amd64", Maintainer: "a <a@b.c>", ...fields };
    const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\n`);
    return `${lines.join("")}Filename: ./${name}_${version}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n`;
  };
  const text = [
    entry("lib", "1.0-1"),
    entry("lib", "2.0-1"),
    entry("lib", "2.0~rc1-1"),
    entry("pre", "1", { "Pre-Depends": "early (>= 1)", Recommends: "nice" }),
    entry("early", "1:0.5"),
    entry("nice", "1"),
    entry("new-lib", "1", { Depends: "lib (>= 2)" }),
    entry("old-lib", "1", { Depends: "lib (<< 2)" }),
    entry("choice", "1", { Depends: "gone | lib (<< 2) | second | third" }),
    entry("second", "1", { Depends: "lost" }),
    entry("third", "1"),
    entry("virtual-user", "1", { Depends: "mta" }),
    entry("mta-a", "1", { Provides: "mta", Conflicts: "mta", Priority: "optional" }),
    entry("mta-b", "1", { Provides: "mta", Conflicts: "mta", Priority: "important" }),
    entry("api-user", "1", { Depends: "api (>= 2)" }),
    entry("api-open", "9", { Provides: "api" }),
    entry("api-old", "9", { Provides: "api (= 1)" }),
    entry("api-new", "9", { Provides: "api (= 2)" }),
    entry("only", "1", { Provides: "single" }),
    entry("allowed", "1", { "Multi-Arch": "allowed" }),
    entry("foreign", "1", { "Multi-Arch": "foreign" }),
    entry("any-allowed", "1", { Depends: "allowed:any" }),
    entry("any-foreign", "1", { Depends: "foreign:any" }),
    entry("native", "1", { Depends: "lib:amd64" }),
    entry("breaker", "1", { Breaks: "lib (<< 2)" }),
    entry("early-choice", "1", { Depends: "picky | third, unavoidable" }),
    entry("picky", "1", { Conflicts: "unavoidable" }),
    entry("unavoidable", "1"),
    entry("cycle-a", "1", { Depends: "cycle-b" }),
    entry("cycle-b", "1", { Depends: "cycle-a, third" }),
    entry("fonts", "1", { Depends: "font-a | font-b" }),
    entry("font-a", "1"),
    entry("font-b", "1"),
    entry("desktop", "1", { Depends: "fonts, font-b" }),
    entry("pinned", "1.0"),
    entry("pinned", "1.1"),
    entry("kept-away", "1"),
  ].join("\n");
  const pins: readonly Pin[] = [
    { package: "pinned", version: "1.0*", priority: 990 },
    { package: "kept-*", priority: -1 },
  ];
  const preferences =
    "Package: pinned\nPin: version 1.0*\nPin-Priority: 990\n\nPackage: kept-away\nPin: version *\nPin-Priority: -1\n";
  const index = indexPackages([{ archive: "debian", text }], pins);
  let dir = "";
  let apt: AptRoot;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "tspack-e2e-apt-"));
    await mkdir(join(dir, "repo"));
    await writeFile(join(dir, "repo/Packages"), text);
    apt = await aptRoot(`deb [trusted=yes] file:${dir}/repo ./\n`, preferences);
  });
  afterAll(async () => {
    await apt.remove();
    await rm(dir, { recursive: true, force: true });
  });

  test.each([
    ["the newest version", ["lib"]],
    ["a version", ["lib=1.0-1"]],
    ["a version that is not there", ["lib=3"]],
    ["Pre-Depends with an epoch", ["pre"]],
    ["a version that is new enough", ["new-lib"]],
    ["a version that only an older candidate has", ["old-lib"]],
    ["that version asked for", ["old-lib", "lib=1.0-1"]],
    ["versions that contradict each other", ["new-lib", "lib=1.0-1"]],
    ["alternatives of which the first ones can not be had", ["choice"]],
    ["an alternative that is asked for", ["desktop", "font-a"]],
    ["alternatives, depth first", ["desktop"]],
    ["an alternative that is there already", ["font-b", "fonts"]],
    ["a virtual package of several providers", ["mta"]],
    ["a virtual package of one provider", ["single"]],
    ["a dependency on a virtual package: the highest priority", ["virtual-user"]],
    ["a dependency on a virtual package that is fulfilled", ["virtual-user", "mta-a"]],
    ["providers that exclude each other", ["mta-a", "mta-b"]],
    ["a version of what is provided", ["api-user"]],
    ["provided without a version", ["api-user", "api-open"]],
    [":any of a package that allows it", ["any-allowed"]],
    [":any of a package that does not", ["any-foreign"]],
    ["a processor", ["native"]],
    ["Breaks", ["breaker", "lib=1.0-1"]],
    ["Breaks that does not apply", ["breaker", "lib"]],
    ["a circle", ["cycle-a"]],
    ["a pin", ["pinned"]],
    ["a pin below 0", ["kept-away"]],
    ["nothing of that name", ["nothing"]],
  ])("%s", async (_what, names) => {
    expect(ours(index, names)).toEqual(await theirs(apt, names));
  });

  // apt takes the first alternative, and only then sees that it excludes what comes later.
  test("where apt's early choice leads nowhere, another alternative is taken", async () => {
    expect(await theirs(apt, ["early-choice"])).toBe("refused");
    expect(ours(index, ["early-choice"])).toEqual(["early-choice=1", "third=1", "unavoidable=1"]);
  });
});

describe.skipIf(lacksApt || mirrors === undefined || (!existsSync(ring) && !inCi))(
  "Debian's own archive (needs apt-get, its keys and a mirror)",
  () => {
    let dir = "";
    let apt: AptRoot;
    let index: PackageIndex;

    beforeAll(async () => {
      if (mirrors === undefined) return;
      dir = await mkdtemp(join(tmpdir(), "tspack-e2e-apt-"));
      const { suites, components } = stack;
      const lines = suites.map(
        ({ archive, name }) => `deb [signed-by=${ring}] ${mirrors.roots.get(archive) ?? ""} ${name} main\n`,
      );
      const keyrings = await Promise.all(stack.keyrings.map((path) => readFile(path)));
      const downloader = await openDownloader({}, ctx);
      const request = { mirrors, suites, components, arch: "amd64", keyrings, cacheDir: dir };
      [apt, { packages: index }] = await Promise.all([aptRoot(lines.join("")), readArchive(request, downloader, ctx)]);
      await downloader.close();
    });
    afterAll(async () => {
      await apt.remove();
      await rm(dir, { recursive: true, force: true });
    });

    test.each([
      ["python3-full"],
      ["default-jdk-headless"],
      ["nginx"],
      ["ffmpeg"],
      ["postgresql-client"],
      ["build-essential"],
      ["apache2", "libapache2-mod-php"],
      ["imagemagick", "ghostscript"],
      ["python3-django", "python3-numpy"],
      ["libreoffice-writer"],
      ["chromium"],
      ["gnome-core"],
      ["golang", "nodejs", "npm"],
      ["ruby-full", "default-mysql-client"],
      ["mail-transport-agent"],
      ["postfix", "php-fpm"],
      [...stack.packages.run, ...stack.packages.build],
    ])("%s", async (...names: readonly string[]) => {
      expect(ours(index, names)).toEqual(await theirs(apt, names));
    });
  },
);
