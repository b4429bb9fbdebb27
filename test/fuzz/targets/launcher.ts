import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cCompiler, succeeds } from "../../launcher/compile.ts";
import { bytesOf, goldenFiles } from "../seeds.ts";
import type { Fuzzed, FuzzTarget } from "../target.ts";

const own = `[[buildpacks]]
id = "a/b"
api = "0.10"
[[processes]]
type = "web"
command = ["bash", "-c"]
args = ["a", '''b''', """c\\
 d"""]
direct = true
exec-env = ["production"]
working-dir = "/x"
`;

const words = [
  "[[processes]]", "[processes.args]", "[[buildpacks]]", 'api = "v0.10"', 'api = "99999999999.1"', 'type = "web"', '"""', "'''",
  "\\u00e9", "\\U0010FFFF", "\\ud800", "[[", "{", "= [", "1979-05-27T07:32:00.1Z", "0xff", "1e-9", "args = {}", "command = 1.5",
]; // prettier-ignore

/** The exit codes of the launcher: fine, unreadable metadata, Buildpack API, cannot launch. */
const expected = [0, 1, 12, 82];

/** The launcher's own TOML parser and what reads `metadata.toml`, in C, with checks of memory and undefined behaviour. */
export function launcherTarget(root = process.cwd()): FuzzTarget {
  const compiler = cCompiler();
  return {
    name: "launcher",
    seeds: [bytesOf(own), ...goldenFiles(/^metadata\.toml$/, 60)],
    words,
    missing: compiler === undefined ? "there is no C compiler" : undefined,
    open: () => openHarness(compiler ?? "cc", root),
  };
}

function openHarness(compiler: string, root: string): Fuzzed {
  const folder = mkdtempSync(join(tmpdir(), "tspack-fuzz-"));
  mkdirSync(join(folder, "config"));
  const program = join(folder, "harness");
  const flags = ["-std=c99", "-g", "-O1", "-w", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const source = join(root, "test/fuzz/launcher-harness.c");
  if (!succeeds(compiler, [...flags, "-I", join(root, "lifecycle/launcher"), "-o", program, source])) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error("the launcher does not compile with sanitizers (install libasan and libubsan)");
  }
  const harness = spawn(program, [folder], { stdio: ["pipe", "pipe", "pipe"] });
  let complaints = "";
  harness.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString("utf8")).slice(-8192)));
  const answers = harness.stdout.iterator({ destroyOnReturn: false });
  return {
    parse: async (input) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(input.length);
      harness.stdin.write(Buffer.concat([length, input]));
      const { value, done } = (await answers.next()) as IteratorResult<Buffer, undefined>;
      if (done === true) throw new Error(`the harness ended: ${complaints}`);
      const status = value.readInt32LE();
      // The low byte is the signal, the next one the exit code.
      if ((status & 0x7f) !== 0) throw new Error(`ended by signal ${status & 0x7f}: ${complaints}`);
      if (!expected.includes(status >> 8)) throw new Error(`exit code ${status >> 8}: ${complaints}`);
    },
    close: async () => {
      harness.stdin.end();
      await new Promise((resolve) => harness.once("close", resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
