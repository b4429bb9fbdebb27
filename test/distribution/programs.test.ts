import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

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
  plugins: [],
  define: { TSPACK_VERSION: '"1.2.3"', TSPACK_COMMIT: '"abcdef01"' },
  banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' },
};

test("a program is its entry, one file of our code, and a file for each package that not every run loads", async () => {
  const { bundlePrograms } = (await import(join(root, "lifecycle/distribution/programs.mjs"))) as Programs;
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "tspack-programs-")));
  try {
    const made = await bundlePrograms(["lifecycle", "tspack"], options, directory);
    const files = readdirSync(directory).map((name) => name.replace(/-[A-Z0-9]{8}\.js$/, ""));
    const packages = ["execa", "ignore", "openpgp", "tar-stream", "undici", "undici-downloads", "yauzl"];
    const ours = ["lifecycle.js", "run-lifecycle", "run-tspack", "tspack.js"];
    expect(files.filter((name) => name !== "chunk").sort()).toEqual([...packages, ...ours].sort());
    expect(packagesIn(made, "run-lifecycle")).toEqual(["smol-toml"]);
    expect(packagesIn(made, "run-tspack")).toEqual(["commander", "smol-toml"]);
    writeFileSync(join(directory, "package.json"), '{"type":"module"}\n');
    const run = (...args: readonly string[]): string =>
      execFileSync(process.execPath, args, { cwd: directory, encoding: "utf8" });
    expect(run("lifecycle.js", "@detector", "-version")).toBe("1.2.3+abcdef01\n");
    expect(run("lifecycle.js", "--version")).toBe("1.2.3+abcdef01\n");
    expect(run("tspack.js", "--help")).toContain("Usage: tspack");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** The packages in a bundled file. */
function packagesIn(made: readonly Metafile[], name: string): readonly string[] {
  const outputs = made.flatMap((metafile) => Object.entries(metafile.outputs));
  const [, output] = outputs.find(([file]) => file.includes(`/${name}-`)) ?? [];
  const inputs = Object.keys(output?.inputs ?? {});
  const found = inputs.map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return [...new Set(found)].filter((each) => each !== undefined).sort();
}
