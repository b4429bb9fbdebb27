import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cCompiler, compilePrograms, compileSanitized } from "../launcher/compile.ts";
import { canEnterRoot, runInRoot, type Invocation } from "../launcher/private-root.ts";

interface Case extends Invocation {
  readonly case: string;
  readonly description: string;
  readonly expected: {
    readonly exitCode: number;
    readonly stdout?: string;
    readonly stderr?: string;
    readonly probe?: unknown;
  };
}

const golden = process.env["TSPACK_GOLDEN"] ?? resolve(import.meta.dirname, "../../../shared/golden");
const file = join(golden, "20-launcher/launcher-cases.json");
const compiler = cCompiler();
const missing = [
  ...(existsSync(file) ? [] : ["the golden data"]),
  ...(process.platform === "linux" && canEnterRoot() ? [] : ["mount namespaces"]),
  ...(compiler === undefined ? ["a C compiler"] : []),
];

if (compiler === undefined || missing.length > 0) {
  test.skipIf(process.env["CI"] === undefined)(`the launcher's golden cases (needs ${missing.join(", ")})`, () => {
    expect(missing).toEqual([]);
  });
} else {
  const folder = mkdtempSync(join(tmpdir(), "tspack-launcher-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const programs = compilePrograms(compiler, folder);
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly Case[] };
  describe("the launcher as it is shipped", () => check(cases, folder, programs));

  const sanitized = compileSanitized(compiler, folder);
  if (sanitized === undefined && process.env["CI"] === undefined)
    test.skip("the launcher under ASan and UBSan", () => {});
  else {
    describe("the launcher under ASan and UBSan", () => {
      check(cases, folder, { ...programs, launcher: sanitized ?? "missing" });
    });
  }
}

function check(
  cases: readonly Case[],
  folder: string,
  programs: { readonly launcher: string; readonly probe: string },
): void {
  test.each(cases.map((entry) => [entry.case, entry.description, entry] as const))("%s: %s", (_, __, entry) => {
    const { expected } = entry;
    const outcome = runInRoot(join(folder, "root"), programs, entry);
    expect(outcome).toEqual({
      exitCode: expected.exitCode,
      stdout: expected.stdout ?? "",
      stderr: fromBash(expected.stderr)
        ? (expect.stringContaining(reason(expected.stderr)) as unknown)
        : (expected.stderr ?? ""),
      probe: expected.probe,
    });
  });
}

/** Bash words its messages differently from version to version; only what follows the last colon is compared. */
function fromBash(text: string | undefined): text is string {
  return text !== undefined && /: (line \d+|-c|eval): /.test(text);
}

function reason(text: string): string {
  return text.trimEnd().split(": ").at(-1) ?? text;
}
