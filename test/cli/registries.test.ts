import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { readSettings } from "../../lifecycle/platform/settings.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { gitNote, hasGit } from "../fakes/git.ts";
import { startFakeRegistry } from "../fakes/registry.ts";
import { component, tree } from "../platform/buildpacks/module-fixture.ts";

let line: CommandLine;
beforeEach(() => {
  line = commandLine({ GIT_CONFIG_GLOBAL: "/dev/null" });
});
afterEach(() => line.remove());

const ours = ["ours", "https://git.example.com/index"] as const;
const settings = () => readSettings(join(line.directory, "home/config/config.toml"));

describe("config registries", () => {
  test("knows the official one, and those that were added", async () => {
    expect(await line.succeed("config", "registries")).toBe("* official\n");
    await line.succeed("config", "registries", "add", ...ours);
    expect(await line.succeed("config", "registries", "list")).toBe("  ours\n* official\n");
    expect(await line.succeed("config", "registries", "list", "-v")).toContain("  ours       https://git.example.com/");
    await line.succeed("config", "registries", "default", "ours");
    expect(await line.succeed("config", "registries", "default")).toContain("is ours\n");
    expect(await line.succeed("config", "list")).toContain("ours: https://git.example.com/index (default)");
    expect(settings()).toMatchObject({
      buildpackRegistries: [{ name: "ours", url: ours[1], type: "github" }],
      defaultRegistry: "ours",
    });
  });

  test("has the official one again when the default one goes", async () => {
    await line.succeed("config", "registries", "add", ...ours, "--default", "--type", "git");
    await line.succeed("config", "registries", "add", "other", ours[1]);
    await line.succeed("config", "registries", "remove", "ours");
    expect(settings()).toMatchObject({ buildpackRegistries: [{ name: "other" }], defaultRegistry: undefined });
    await line.succeed("config", "registries", "default", "other");
    expect(await line.succeed("config", "registries", "default", "--unset")).toContain("now official");
    expect((await line.run("config", "registries", "add", "other", ours[1])).code).toBe(3);
  });

  test("is reached by the old names, and completes names", async () => {
    await line.succeed("add-registry", ...ours);
    await line.succeed("set-default-registry", "ours");
    expect(await line.succeed("list-registries")).toBe("* ours\n  official\n");
    expect(await line.succeed("complete", "--", "build", "x", "-r", "o")).toMatch(
      /^official\t.*\nours\t.*\n:nothing\n$/,
    );
    await line.succeed("remove-registry", "ours");
    expect(settings().buildpackRegistries).toEqual([]);
  });
});

/** The address that is to be opened. */
const form = (text: string): URL => new URL(text.trimEnd().split("\n").at(-1) ?? "");

describe.skipIf(!hasGit)(`a buildpack in a registry${gitNote}`, () => {
  test("is applied for by a form, pulled by its id, inspected, and taken back", async () => {
    const registry = await startFakeRegistry();
    try {
      const path = tree(join(line.directory, "bp"), component("a/java", "1.0.0"));
      const name = `${registry.host}/bps/java`;
      await line.succeed("buildpack", "package", name, "--path", path, "--publish");
      const add = form(await line.succeed("buildpack", "register", name));
      const image = /addr = "([^"]+)"/.exec(add.searchParams.get("body") ?? "")?.[1] ?? "";
      expect(add.href).toMatch(/\/buildpacks\/registry-index\/issues\/new\?/);
      expect(add.searchParams.get("title")).toBe("ADD a/java@1.0.0");
      expect(image).toMatch(new RegExp(`^${name}@sha256:[0-9a-f]{64}$`));

      const index = join(line.directory, "index");
      mkdirSync(join(index, "ja/va"), { recursive: true });
      const entry = { ns: "a", name: "java", version: "1.0.0", yanked: false, addr: image };
      writeFileSync(join(index, "ja/va/a_java"), `${JSON.stringify(entry)}\n`);
      const git = (...args: readonly string[]) =>
        execFileSync("git", ["-C", index, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
      git("init", "--quiet");
      git("add", ".");
      git("commit", "--quiet", "-m", "a");
      await line.succeed("config", "registries", "add", "ours", `file://${index}`, "--type", "git");
      const pulled = await line.succeed("buildpack", "pull", "a/java@1.0.0", "-r", "ours");
      expect(pulled).toContain("a/java@1.0.0\n");
      expect(await line.local.resolve(parseReference(image))).toBeDefined();
      expect(await line.succeed("inspect-buildpack", "urn:cnb:registry:a/java", "-r", "ours")).toContain("a/java");

      const yank = form(await line.succeed("buildpack", "yank", "a/java@1.0.0"));
      expect(yank.searchParams.get("title")).toBe("YANK a/java@1.0.0");
      expect((await line.run("buildpack", "yank", "a/java@1.0.0", "-r", "ours")).stderr).toContain("commit and push");
    } finally {
      await registry.close();
    }
  });
});
