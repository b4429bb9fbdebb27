import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cCompiler, compilePrograms, succeeds } from "./compile.ts";

// An image with nothing in it but the application and the launcher.
const compiler = cCompiler();
const enter = process.getuid?.() === 0 ? ["chroot"] : ["unshare", "-Ur", "chroot"];
const missing = [
  ...(compiler === undefined ? ["a C compiler"] : []),
  ...(process.platform === "linux" && succeeds(enter[0] ?? "", [...enter.slice(1), "/", "true"]) ? [] : ["chroot"]),
];
const folder = mkdtempSync(join(tmpdir(), "tspack-no-shell-"));
const root = join(folder, "root");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const metadata = `
[[processes]]
type = "shell"
command = ["/probe"]
direct = false
[[processes]]
type = "direct"
command = ["/probe"]
direct = true
`;

function launch(
  argv0: string,
  ...args: readonly string[]
): { readonly exitCode: number | null; readonly stdout: string } {
  const [program = "", ...words] = [...enter, root, `/cnb/process/${argv0}`, ...args];
  const env = { CNB_PLATFORM_API: "0.15", CNB_NO_COLOR: "true", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const { status, stdout } = spawnSync(program, words, { env, encoding: "utf8" });
  return { exitCode: status, stdout };
}

describe.skipIf(missing.length > 0 && process.env["CI"] === undefined)(
  `without bash in the image${missing.length === 0 ? "" : ` (needs ${missing.join(", ")})`}`,
  () => {
    beforeAll(() => {
      expect(missing).toEqual([]);
      const { probe, launcher } = compilePrograms(compiler ?? "cc", folder);
      for (const name of ["cnb/process", "layers/config", "workspace"])
        mkdirSync(join(root, name), { recursive: true });
      copyFileSync(probe, join(root, "probe"));
      for (const name of ["shell", "direct", "launcher"]) copyFileSync(launcher, join(root, "cnb/process", name));
      writeFileSync(join(root, "layers/config/metadata.toml"), metadata);
      writeFileSync(join(root, "probe.json"), "");
    });

    test.each([
      ["a shell process", "shell", []],
      ["a command without --", "launcher", ["/probe"]],
    ] as const)("%s is 82 and says what to do", (_, argv0, args) => {
      const { exitCode, stdout } = launch(argv0, ...args);
      expect(exitCode).toBe(82);
      expect(stdout).toContain("ERROR: failed to launch: bash exec: no such file or directory\n");
      expect(stdout).toContain("put -- before the command, make the process direct, or choose a run image with bash");
    });

    test.each([
      ["a direct process", "direct", []],
      ["a command after --", "launcher", ["--", "/probe"]],
    ] as const)("%s runs", (_, argv0, args) => {
      expect(launch(argv0, ...args).exitCode).toBe(0);
    });
  },
);
