import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { registryEntryPath } from "../../../lifecycle/cnb/files/registry-entry.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { loadModules } from "../../../lifecycle/platform/buildpacks/load-modules.ts";
import { locate } from "../../../lifecycle/platform/buildpacks/locate.ts";
import type { ModulePorts } from "../../../lifecycle/platform/buildpacks/module.ts";
import { packageImage } from "../../../lifecycle/platform/buildpacks/package-image.ts";
import {
  type RegistryIndexOptions,
  registryIndex,
  type RegistryIndexTools,
} from "../../../lifecycle/platform/buildpacks/registry-index.ts";
import { placesFrom } from "../../../lifecycle/platform/places.ts";
import { noSettings } from "../../../lifecycle/platform/settings.ts";
import { gitNote, hasGit } from "../../fakes/git.ts";
import { component, ctx, portsIn, scratch, tree } from "./module-fixture.ts";

const directory = scratch("registry-index");
let count = 0;
let home = "";
let index = "";
beforeEach(() => {
  home = join(directory, `home-${++count}`);
  index = join(directory, `index-${count}`);
  mkdirSync(index, { recursive: true });
  if (hasGit) git("init", "--quiet");
});

function git(...args: readonly string[]): string {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
  const env = { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null" };
  return execFileSync("git", ["-C", index, ...identity, ...args], { env, encoding: "utf8" });
}

/** Writes the entries of a buildpack and commits them. */
function publish(
  id: string,
  entries: readonly (readonly [version: string, address: string, yanked?: boolean])[],
): void {
  const path = join(index, registryEntryPath(id, "test"));
  mkdirSync(dirname(path), { recursive: true });
  const [ns, name] = id.split("/");
  const lines = entries.map(([version, addr, yanked = false]) => JSON.stringify({ ns, name, version, yanked, addr }));
  writeFileSync(path, `${lines.join("\n")}\n`);
  git("add", ".");
  git("commit", "--quiet", "-m", "entries");
}

function toolsOf(said: string[] = []): RegistryIndexTools {
  const env = { TSPACK_HOME: home, PATH: process.env["PATH"], HOME: home, GIT_CONFIG_GLOBAL: "/dev/null" };
  return {
    ctx: { ...ctx, logger: { ...ctx.logger, warn: (text) => void said.push(text) } },
    settings: {
      ...noSettings,
      buildpackRegistries: [{ name: "ours", url: `file://${index}`, type: "git" }],
      defaultRegistry: "ours",
    },
    machine: { env, cwd: "/", uid: 1000, packageRoot: "/nowhere" },
    places: placesFrom(env),
  };
}

const open = (options: RegistryIndexOptions = {}, said?: string[]) => registryIndex(toolsOf(said), options);
const at = (digit: string): string => `r.test/bp@sha256:${digit.repeat(64)}`;
const refused = (code: string) => expect.objectContaining({ code }) as object;

describe.skipIf(!hasGit)(`the index of a buildpack registry${gitNote}`, () => {
  test("says which image a version is, and follows what is published later", async () => {
    publish("a/java", [
      ["1.0.0", at("1")],
      ["1.2.0", at("2")],
    ]);
    expect((await open().find("a/java", undefined, "t")).original).toBe(at("2"));
    expect((await open().find("a/java", "1.0.0", "t")).original).toBe(at("1"));
    publish("a/java", [["1.10.0", at("3")]]);
    expect((await open({ pullPolicy: "never" }).find("a/java", undefined, "t")).original).toBe(at("2"));
    expect((await open().find("a/java", undefined, "t")).original).toBe(at("3"));
    await expect(open().find("a/java", "9", "t")).rejects.toMatchObject({
      code: "BUILDPACK_NOT_FOUND",
      hint: expect.stringContaining("1.10.0") as string,
    });
    await expect(open().find("a/ruby", undefined, "t")).rejects.toEqual(refused("BUILDPACK_NOT_FOUND"));
  });

  test("is taken as it was when it can not be fetched, which is said", async () => {
    publish("a/java", [["1.0.0", at("1")]]);
    await open().find("a/java", undefined, "t");
    renameSync(index, `${index}-gone`);
    const said: string[] = [];
    expect((await open({}, said).find("a/java", undefined, "t")).original).toBe(at("1"));
    expect(said.join()).toMatch(/can not be fetched.*before/);
    home = `${home}-other`;
    await expect(open().find("a/java", undefined, "t")).rejects.toEqual(refused("GIT_FAILED"));
    await expect(open({ pullPolicy: "never" }).find("a/java", undefined, "t")).rejects.toEqual(
      refused("BUILDPACK_NOT_FOUND"),
    );
  });

  test("warns of what was taken back, and believes no entry of another buildpack", async () => {
    publish("a/java", [
      ["1.0.0", at("1")],
      ["2.0.0", at("2"), true],
    ]);
    const said: string[] = [];
    expect((await open({}, said).find("a/java", undefined, "t")).original).toBe(at("1"));
    expect(said).toEqual([]);
    await open({}, said).find("a/java", "2.0.0", "t");
    expect(said.join()).toContain("a/java@2.0.0 was taken back");
    writeFileSync(
      join(index, "ja/va/a_java"),
      `${JSON.stringify({ ns: "b", name: "java", version: "1", addr: at("3") })}\n`,
    );
    git("commit", "--quiet", "-am", "wrong");
    await expect(open().find("a/java", undefined, "t")).rejects.toEqual(refused("BUILDPACK_NOT_FOUND"));
  });

  test("leaves no files of the repository on this machine, and asks for nothing before it is needed", async () => {
    open();
    publish("a/java", [["1.0.0", at("1")]]);
    await open().find("a/java", undefined, "t");
    const [copy = ""] = readdirSync(join(home, "cache/downloads")).filter((name) => !name.endsWith(".lock"));
    expect(readdirSync(join(home, "cache/downloads", copy))).toContain("objects");
    expect(readdirSync(join(home, "cache/downloads", copy))).not.toContain("ja");
  });

  test("has a name that has to be known", () => {
    expect(() => open({ name: "theirs" })).toThrow(refused("INVALID_ARGUMENTS"));
    expect(() => open({ name: "official" })).not.toThrow();
  });
});

describe.skipIf(!hasGit)(`a buildpack of a registry${gitNote}`, () => {
  const scope = { baseDir: directory, known: [], source: "--buildpack" };
  async function published(id: string): Promise<{ readonly ports: ModulePorts; readonly image: Image }> {
    const ports = await portsIn(join(directory, `ports-${count}`));
    const path = tree(join(directory, `bp-${count}`), component(id, "1.0.0"));
    const set = await loadModules({ kind: "path", path }, "buildpack", scope, ports);
    const image = packageImage({ ...set, platform: { os: "linux", architecture: "amd64" } });
    const digest = await ports.images.write(image, [parseReference("r.test/bp:1")]).then((written) => written.digest);
    publish("a/java", [["1.0.0", `r.test/bp@${digest}`]]);
    return { ports: { ...ports, registry: open() }, image };
  }
  const load = (text: string, ports: ModulePorts) => {
    const location = locate({ kind: "reference", text }, scope);
    if (location.kind !== "registry") throw new Error(location.kind);
    return loadModules(location, "buildpack", scope, ports);
  };

  test.each(["urn:cnb:registry:a/java", "urn:cnb:registry:a/java@1.0.0", "a/java@1.0.0"])(
    "%s is loaded",
    async (text) => {
      const { ports } = await published("a/java");
      expect((await load(text, ports)).main.descriptor).toMatchObject({ id: "a/java", version: "1.0.0" });
    },
  );

  test("is no other one than its entry says", async () => {
    const { ports } = await published("a/other");
    await expect(load("urn:cnb:registry:a/java", ports)).rejects.toEqual(refused("INVALID_BUILDPACK"));
  });

  test("that was only guessed is like a mistyped id", async () => {
    const { ports } = await published("a/java");
    await expect(load("a/jaba@1.0.0", ports)).rejects.toMatchObject({
      code: "BUILDPACK_NOT_FOUND",
      message: expect.stringContaining("--buildpack: a/jaba@1.0.0 is not there as a file") as string,
    });
  });
});
