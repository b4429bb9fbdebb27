import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { deflateForEsbuild } from "../../lifecycle/distribution/deflate-module.mjs";

const root = resolve(import.meta.dirname, "../..");

/** What esbuild says of a bundle, as far as it is looked at here. */
interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>>;
}

interface Programs {
  readonly bundlePrograms: (
    names: readonly string[],
    options: object,
    directory: string,
  ) => Promise<readonly Metafile[]>;
}

const options = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  entryNames: "[name]",
  metafile: true,
  external: ["@napi-rs/lzma"],
  plugins: [deflateForEsbuild],
  define: { TSPACK_VERSION: '"1.2.3"', TSPACK_COMMIT: '"abcdef01"' },
  banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' },
};

const directory = realpathSync(mkdtempSync(join(tmpdir(), "tspack-programs-")));
afterAll(() => rmSync(directory, { recursive: true }));

const made = await bundle();
const bundled = readdirSync(directory);

async function bundle(): Promise<readonly Metafile[]> {
  const { bundlePrograms } = (await import(join(root, "lifecycle/distribution/programs.mjs"))) as Programs;
  writeFileSync(join(directory, "package.json"), '{"type":"module"}\n');
  return bundlePrograms(["lifecycle", "tspack"], options, directory);
}

const spawned = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = { HOME: directory }) =>
  spawnSync(process.execPath, [program, ...args], { cwd: directory, encoding: "utf8", env });

const parts = ["run-config", "run-help", "run-images", "run-inspect", "run-rebase"];

test("a program is its entry, files of our code, and a file for each package that not every run loads", () => {
  const names = bundled.map((name) => name.replace(/-[A-Z0-9]{8}\.c?js$/, ""));
  const packages = ["execa", "ignore", "openpgp", "tar-stream", "undici", "undici-downloads", "yauzl"];
  const phases = ["run-analyze", "run-buildpacks", "run-export", "run-lifecycle", "run-restore"];
  const ours = ["lifecycle.js", "run-tspack", "tspack.js", ...parts, ...phases];
  const others = ["chunk", "package.json"];
  expect(names.filter((name) => !others.includes(name)).sort()).toEqual([...packages, ...ours].sort());
  expect(packagesIn("run-lifecycle")).toEqual(["smol-toml"]);
  expect(packagesIn("run-buildpacks")).toEqual(["smol-toml"]);
  expect(packagesIn("run-tspack")).toEqual(["commander", "smol-toml"]);
  expect(spawned("lifecycle.js", ["@detector", "-version"]).stdout).toBe("1.2.3+abcdef01\n");
  expect(spawned("lifecycle.js", ["--version"]).stdout).toBe("1.2.3+abcdef01\n");
});

test("no file of ours loads modules of Node when it starts, but for some that Node itself has loaded", () => {
  const ours = bundled.filter((name) => /^(?:run-|tspack|lifecycle)/.test(name));
  const loaded = ours.flatMap((name) => {
    const text = readFileSync(join(directory, name), "utf8");
    return [...text.matchAll(/(?:\bfrom\s*|\bimport\s*|=\s*require\()"(node:[^"]+)"/g)].map((match) => match[1]);
  });
  const cheap = ["node:events", "node:fs", "node:fs/promises", "node:path", "node:process", "node:url"];
  expect(new Set(loaded)).toEqual(new Set(cheap));
});

test("modules that a script loads are loaded by its entry", () => {
  const scripts = bundled
    .filter((name) => name.endsWith(".cjs"))
    .map((name) => readFileSync(join(directory, name), "utf8"));
  expect(scripts.filter((text) => /(?<![_\w])import\(/.test(text))).toEqual([]);
  expect(scripts.filter((text) => /__import\("\.\/undici-/.test(text)).length).toBeGreaterThan(2);
});

/** Writes an entry that chooses no part, but all of the program. */
function withoutParts(program: "tspack" | "lifecycle"): string {
  const whole = join(directory, `whole-${program}.js`);
  const all = bundled.find((name) => name.startsWith(`run-${program}-`)) ?? "";
  const entry = readFileSync(join(directory, `${program}.js`), "utf8");
  writeFileSync(whole, entry.replaceAll(/run-[a-z]+-[A-Z0-9]{8}\.cjs/g, all));
  return whole;
}

const outcome = ({ status, stdout, stderr }: ReturnType<typeof spawned>): unknown => ({ status, stdout, stderr });

describe("a part of the lifecycle says the same as all of it", () => {
  const whole = withoutParts("lifecycle");

  test.each([
    ["@detector"],
    ["@detector", "-version"],
    ["@detector", "-nothing"],
    ["@builder", "-log-level", "loud"],
    ["@builder", "-group", "nowhere.toml"],
    ["@lifecycle", "detect", "-app", "nowhere"],
    ["detect", "argument"],
    ["build"],
    ["@analyzer"],
    ["@analyzer", "-run-image", "nowhere:0/x", "x"],
    ["@restorer", "-nothing"],
    ["@restorer", "-group", "nowhere.toml"],
    ["export"],
    ["@exporter", "-group", "nowhere.toml", "nowhere.invalid/x"],
    ["create"],
  ])("with %j", (...args) => {
    const env = { HOME: directory, CNB_PLATFORM_API: "0.12" };
    expect(outcome(spawned("lifecycle.js", args, env))).toEqual(outcome(spawned(whole, args, env)));
    expect(outcome(spawned("lifecycle.js", args))).toEqual(outcome(spawned(whole, args)));
  });
});

describe("a part of tspack says the same as all of it", () => {
  const whole = withoutParts("tspack");
  const commands = [...spawned("tspack.js", ["help"]).stdout.matchAll(/^ {2}([a-z]+)[ |]/gm)].map((match) => match[1]);

  test.each([
    [],
    ["--help"],
    ["help"],
    ["help", "nothing"],
    ["nothing", "--help"],
    ["create-builder", "--help"],
    ["inspect"],
    ["inspect", "--jsn", "x"],
    ["inspect", "--json", "--bom", "x"],
    ["inspect", "oci:nowhere"],
    ["inspect-image", "--help"],
    ["images", "lst"],
    ["images", "list", "--json"],
    ["config", "list"],
    ["config", "pull-policy", "sometimes"],
    ["rebase", "--output", "nowhere", "x"],
    ...commands.map((name) => [name ?? "", "--help"]),
  ])("with %j", (...args) => {
    expect(outcome(spawned("tspack.js", args))).toEqual(outcome(spawned(whole, args)));
  });

  test("and all commands are known here", () => {
    expect(commands).toEqual(expect.arrayContaining(["build", "inspect", "stack"]));
  });
});

/** The packages in a bundled file. */
function packagesIn(name: string): readonly string[] {
  const outputs = made.flatMap((metafile) => Object.entries(metafile.outputs));
  const [, output] = outputs.find(([file]) => file.includes(`/${name}-`)) ?? [];
  const inputs = Object.keys(output?.inputs ?? {});
  const found = inputs.map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return [...new Set(found)].filter((each) => each !== undefined).sort();
}
