import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildpackApis } from "../../lifecycle/cnb/api/buildpack.ts";
import { platformApis, platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { encodeBuildMetadata, type BuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import { buildPrograms, cCompiler, succeeds } from "./compile.ts";

// The launcher reads TOML with its own parser: what the builder writes, and what people and
// other lifecycles may write, has to arrive as arguments without a change.
const ready = process.platform === "linux" && cCompiler() !== undefined;
const folder = mkdtempSync(join(tmpdir(), "tspack-launcher-"));
const metadata = join(folder, "layers/config/metadata.toml");
let launcher = "";

beforeAll(() => {
  mkdirSync(join(folder, "layers/config"), { recursive: true });
  if (ready) launcher = join(buildPrograms(folder), "launcher");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly status: number | null;
  readonly text: string;
}

function launch(toml: string | Uint8Array, platformApi = "0.13"): Result {
  writeFileSync(metadata, toml);
  const { status, stdout } = spawnSync(launcher, {
    argv0: "web",
    env: {
      PATH: "/usr/bin:/bin",
      CNB_PLATFORM_API: platformApi,
      CNB_LAYERS_DIR: join(folder, "layers"),
      CNB_APP_DIR: folder,
      CNB_NO_COLOR: "1",
    },
    encoding: "utf8",
  });
  return { status, text: stdout };
}

/** The arguments that arrive when they are written in TOML as given. */
function argumentsOf(toml: string): readonly string[] {
  const { status, text } = launch(
    `[[processes]]\ntype = "web"\ncommand = ["printf", '%s\\0', "-"]\ndirect = true\n${toml}\n`,
  );
  expect({ status, text }).toMatchObject({ status: 0 });
  return text.split("\0").slice(1, -1);
}

function statusAt(platformApi: string, buildpackApi: string): number | null {
  return launch(`[[buildpacks]]\nid = "a"\napi = "${buildpackApi}"\n`, platformApi).status;
}

const word = fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll(/[\0\p{Surrogate}]/gu, ""));

test.skipIf(!ready && process.env["CI"] === undefined)(
  "the launcher is built, small and static (needs a C compiler)",
  () => {
    // The GNU C library alone is ten times as large.
    const limit = succeeds("musl-gcc", ["--version"]) ? 64 * 1024 : 1024 * 1024;
    expect(statSync(launcher).size).toBeLessThanOrEqual(limit);
  },
);

test.skipIf(!ready)("the launcher knows the APIs that the phases know, and no others", () => {
  const versions = Array.from({ length: 30 }, (_, minor) => `0.${minor}`);
  expect(versions.filter((version) => statusAt(version, "0.10") !== 11)).toEqual(platformApis);
  expect(versions.filter((version) => statusAt("0.12", version) !== 12)).toEqual(buildpackApis);
});

describe.skipIf(!ready)("the launcher reads metadata.toml", () => {
  test("as the builder writes it, whatever the texts are", () => {
    const property = fc.property(
      fc.array(word, { maxLength: 6 }),
      fc.array(word, { maxLength: 4 }),
      word,
      (args, more, other) => {
        const process = { type: "web", command: ["printf", "%s\\0", ...more], args, direct: true, buildpackId: "a/b" };
        const written: BuildMetadata = {
          buildpacks: [{ id: "a/b", version: other, api: "0.10", homepage: other }],
          extensions: [{ id: other, version: other, api: "0.10" }],
          processes: [{ ...process, default: false, workingDirectory: "", execEnv: [] }],
          slices: [{ paths: [other] }],
          labels: [{ key: other, value: other }],
          buildpackDefaultProcessType: other,
          bom: [],
        };
        for (const api of ["0.9", "0.15"]) {
          const { status, text } = launch(encodeBuildMetadata(written, platformFeatures(api)), api);
          const words = [...more, ...args];
          expect([status, text]).toEqual([0, words.length === 0 ? "\0" : words.map((each) => `${each}\0`).join("")]);
        }
      },
    );
    fc.assert(property, { numRuns: 40 });
  });

  test.each([
    ["basic", String.raw`args = ["a\tb", "\u00e9\U0001F600", "\"\\", "\u003c"]`, ["a\tb", "é😀", '"\\', "<"]],
    ["literal", String.raw`args = ['a\tb', '"', '']`, [String.raw`a\tb`, '"', ""]],
    ["multi-line basic", 'args = ["""\na\\\n   b\n""c"""""]', ['ab\n""c""']],
    ["multi-line literal", "args = ['''\na\\\n 'b''']", ["a\\\n 'b"]],
    ["over lines with comments", 'args = [ # one\n "a", # "b",\n\n "c",\n]', ["a", "c"]],
    ["Windows line ends", 'args = [\r\n"a"\r\n]\r\n', ["a"]],
    ["with a quoted key", '"args" = ["a"]', ["a"]],
  ])("written in TOML's %s way", (_, toml, expected) => {
    expect(argumentsOf(toml)).toEqual(expected);
  });

  test.each([
    ["inline tables", 'processes = [{type = "web", command = ["echo", "x"], direct = true}]\n'],
    [
      "dotted and unknown keys",
      '[a.b]\nc.d = 1\n[[processes]]\nx.y = {z = [1.5, inf, 1979-05-27 07:32:00Z, 0xFF]}\ntype = "web"\ncommand = "echo"\nargs = ["x"]\ndirect = true\n',
    ],
    ["a byte order mark", '\uFEFF[[processes]]\ntype = "web"\ncommand = ["echo"]\nargs = ["x"]\ndirect = true\n'],
    [
      "tables below others",
      '[[processes]]\ntype = "no"\n[processes.more]\na = 1\n[[processes]]\ntype = "web"\ncommand = ["echo", "x"]\ndirect = true\n',
    ],
  ])("with %s", (_, toml) => {
    expect(launch(toml)).toEqual({ status: 0, text: "x\n" });
  });

  test.each([
    ["a key twice", "a = 1\na = 2\n", 2],
    ["a table twice", "[a]\n[a]\n", 2],
    ["a table over a value", "a = 1\n[a.b]\n", 2],
    ["an addition to an inline table", "a = {}\n[a.b]\n", 2],
    ["a string without an end", 'x = 1\na = "b\n', 3],
    ["an unknown escape", String.raw`a = "\q"`, 1],
    ["half a surrogate pair", String.raw`a = "\ud800"`, 1],
    ["a number with a leading zero", "a = 012\n", 1],
    ["two values on a line", "a = 1 b = 2\n", 1],
    ["an array without an end", "a = [1,\n", 2],
    ["bytes that are not UTF-8", Buffer.from([0x61, 0x3d, 0x22, 0xff, 0x22]), 1],
    ["a NUL byte", "a = 1\n\0", 2],
    ["deep nesting", `a = ${"[".repeat(100_000)}`, 1],
  ])("and refuses %s, with the line", (_, toml, line) => {
    const { status, text } = launch(toml);
    expect(status).toBe(1);
    expect(text).toMatch(new RegExp(`^ERROR: failed to read metadata: toml: line ${line}: .+\\n$`));
  });

  test.each([
    ["a NUL in an argument", String.raw`args = ["a\u0000b"]`],
    ["a number among the arguments", "args = [1]"],
    ["a text for direct", 'direct = "yes"'],
    ["one text for args", 'args = "a"'],
  ])("and refuses %s, with the key", (_, toml) => {
    const { status, text } = launch(`[[processes]]\ntype = "web"\ncommand = ["echo"]\n${toml}\n`);
    expect(status).toBe(1);
    expect(text).toMatch(
      /^ERROR: failed to read metadata: toml: line 4 \(last key "processes\.(args|direct)"\): .+\n$/,
    );
  });

  test("and keeps colours when nobody turned them off", () => {
    writeFileSync(metadata, "?");
    const env = { CNB_PLATFORM_API: "0.13", CNB_LAYERS_DIR: join(folder, "layers") };
    const { stdout } = spawnSync(launcher, { env, encoding: "utf8" });
    expect(stdout.startsWith("\u001B[31;1mERROR: \u001B[0mfailed to read metadata: ")).toBe(true);
  });
});
