import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import { noSettings, readSettings } from "../../lifecycle/platform/settings.ts";

let home = "";
let file = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tspack-config-"));
  file = join(home, "config/config.toml");
});
afterEach(() => rmSync(home, { recursive: true }));

/** Runs `tspack config …` with a home of its own. */
async function config(...argv: readonly string[]) {
  const said = { out: "", err: "" };
  const code = await runTspack({
    argv: ["config", ...argv],
    env: { TSPACK_HOME: home },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

function write(text: string): void {
  mkdirSync(join(home, "config"), { recursive: true });
  writeFileSync(file, text);
}

describe("a setting of one value", () => {
  test.each([
    ["default-builder", "example.com/b:1", "defaultBuilder"],
    ["pull-policy", "never", "pullPolicy"],
    ["lifecycle-image", "example.com/l:1", "lifecycleImage"],
    ["runner", "engine", "runner"],
    ["debian-mirror", "http://mirror.test/debian", "debianMirror"],
  ] as const)("%s is shown, set and unset", async (name, value, field) => {
    expect((await config(name)).out).toMatch(/^No .* is set: /);
    expect(await config(name, value)).toEqual({ code: 0, out: `Set ${name} to ${value}\n`, err: "" });
    expect((await config(name)).out).toBe(`The current ${name} is ${value}\n`);
    expect(readSettings(file)).toEqual({ ...noSettings, [field]: value });
    expect((await config(name, "--unset")).out).toContain(`which was ${value}`);
    expect(readSettings(file)).toEqual(noSettings);
  });

  test.each([
    ["pull-policy", "sometimes", "if-not-present"],
    ["runner", "docker", "in-place"],
    ["default-builder", "Not A Name", ""],
    ["default-builder", "missing.toml", "that is there"],
    ["lifecycle-image", "UPPER", "lower case"],
    ["debian-mirror", "ftp://mirror.test", "http"],
    ["debian-mirror", "http://me:secret@mirror.test", "without a password"],
    ["experimental", "maybe", "true or false"],
  ])("%s can not be %j", async (name, value, expected) => {
    const { code, out, err } = await config(name, value);
    expect([code, out]).toEqual([3, ""]);
    expect(err).toContain(expected);
    expect(readSettings(file)).toEqual(noSettings);
  });

  test("can not be set and unset at a time", async () => {
    const { code, err } = await config("runner", "engine", "--unset");
    expect([code, err]).toEqual([3, expect.stringContaining("--unset")]);
  });

  test("a builder.toml is remembered by its whole path", async () => {
    writeFileSync(join(home, "builder.toml"), "");
    await config("default-builder", "builder.toml");
    expect(readSettings(file).defaultBuilder).toBe(join(home, "builder.toml"));
  });

  test("experimental features are switched on and off as pack does it", async () => {
    expect((await config("experimental", "true")).out).toBe("Experimental features enabled\n");
    expect(readSettings(file).experimental).toBe(true);
    await config("experimental", "false");
    expect(readFileSync(file, "utf8")).toBe("");
  });
});

describe("lists", () => {
  test("of mirrors of a run image grow and shrink", async () => {
    await config("run-image-mirrors", "add", "example.com/run", "-m", "a.test/run,b.test/run", "-m", "c.test/run");
    await config("run-image-mirrors", "add", "other/run", "-m", "a.test/other");
    expect(readSettings(file).runImageMirrors.get("example.com/run")).toEqual([
      "a.test/run",
      "b.test/run",
      "c.test/run",
    ]);
    await config("run-image-mirrors", "remove", "example.com/run", "--mirror", "b.test/run");
    expect((await config("run-image-mirrors", "list", "example.com/run")).out).toBe(
      "Run Image Mirrors:\n  example.com/run:\n    a.test/run\n    c.test/run\n",
    );
    await config("run-image-mirrors", "remove", "example.com/run");
    expect([...readSettings(file).runImageMirrors.keys()]).toEqual(["other/run"]);
    expect((await config("run-image-mirrors", "remove", "example.com/run")).out).toContain("No run image mirrors");
  });

  test("of mirrors of registries", async () => {
    expect((await config("registry-mirrors")).out).toBe("No registry mirrors have been set\n");
    await config("registry-mirrors", "add", "docker.io", "-m", "mirror.test:5000/hub");
    await config("registry-mirror", "add", "*", "--mirror", "cache.test");
    expect((await config("registry-mirrors", "list")).out).toContain("  docker.io: mirror.test:5000/hub\n");
    await config("registry-mirrors", "remove", "docker.io");
    expect([...readSettings(file).registryMirrors]).toEqual([["*", "cache.test"]]);
  });

  test.each([
    [["registry-mirrors", "add", "docker.io", "-m", "https://mirror.test"], "without a scheme"],
    [["registry-mirrors", "add", "docker.io/library", "-m", "mirror.test"], "HOST[:PORT]"],
    [["registry-mirrors", "add", "docker.io", "-m", "mirror.test/../x"], "without a scheme"],
    [["run-image-mirrors", "add", "example.com/run"], "--mirror"],
    [["run-image-mirrors", "add", "example.com/run", "-m", "Bad Name"], "--mirror"],
    [["trusted-builders", "remove", "tspack.local/builder:bookworm"], "always is"],
  ])("%j is refused and changes nothing", async (argv, expected) => {
    const { code, err } = await config(...argv);
    expect([code, err]).toEqual([3, expect.stringContaining(expected)]);
    expect(readSettings(file)).toEqual(noSettings);
  });

  test("of trusted builders", async () => {
    await config("trusted-builders", "add", "example.com/b");
    expect((await config("trusted-builders", "add", "example.com/b")).out).toContain("already trusted");
    expect((await config("trust-builder", "list")).out).toBe(
      "Trusted Builders:\n  example.com/b\n  tspack.local/builder:bookworm\n",
    );
    await config("trusted-builders", "remove", "example.com/b");
    expect((await config("trusted-builders", "remove", "example.com/b")).out).toContain("was not trusted");
  });

  test("all settings at once, also as JSON", async () => {
    await config("runner", "sandbox");
    expect((await config("list")).out).toMatch(/runner +sandbox\n/);
    expect(JSON.parse((await config("list", "--json")).out)).toMatchObject({ runner: "sandbox", experimental: false });
  });
});

describe("config.toml", () => {
  test("keeps other keys and comments, and is private", async () => {
    write(
      '# mine\nrunner = "engine" # fast\n\n# mirrors\n[registry-mirrors]\n"docker.io" = "m.test"\n\n# trust\n[[trusted-builders]]\nname = "a"\n',
    );
    await config("pull-policy", "never");
    await config("trusted-builders", "add", "b");
    expect(readFileSync(file, "utf8")).toBe(
      '# mine\nrunner = "engine" # fast\npull-policy = "never"\n\n# mirrors\n[registry-mirrors]\n"docker.io" = "m.test"\n\n# trust\n\n[[trusted-builders]]\n  name = "a"\n[[trusted-builders]]\n  name = "b"\n',
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home, "config"))).toEqual(["config.toml"]);
  });

  test("loses nothing when it is spelled in an unusual way", async () => {
    write('trusted-builders = [\n  { name = "a" },\n]\n"registry-mirrors".x = "y"\n');
    await config("trusted-builders", "add", "b");
    await config("registry-mirrors", "add", "z", "-m", "w");
    const { trustedBuilders, registryMirrors } = readSettings(file);
    expect([trustedBuilders, [...registryMirrors]]).toEqual([
      ["a", "b"],
      [
        ["x", "y"],
        ["z", "w"],
      ],
    ]);
  });

  test("stays a link where it is one", async () => {
    mkdirSync(join(home, "config"));
    writeFileSync(join(home, "dotfiles.toml"), "");
    symlinkSync(join(home, "dotfiles.toml"), file);
    await config("runner", "engine");
    expect(readFileSync(join(home, "dotfiles.toml"), "utf8")).toBe('runner = "engine"\n');
  });

  test("with a misspelled key names the one that was meant, and is not changed", async () => {
    write('pull-polcy = "never"\nrunner = "engin"\n');
    const { code, err } = await config("runner", "engine");
    expect(code).toBe(1);
    expect(err).toContain("config.toml:1:1");
    expect(err).toContain("did you mean pull-policy?");
    expect(err).toContain("config.toml:2:");
    expect(readFileSync(file, "utf8")).toContain("pull-polcy");
  });

  test("takes changes of several processes one after the other", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `example.com/b${index}`);
    await Promise.all(names.map((name) => config("trusted-builders", "add", name)));
    expect(readSettings(file).trustedBuilders.toSorted()).toEqual(names);
  });
});
