import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runTspack } from "../../lifecycle/cli/run-tspack.ts";
import { type LayoutStore, layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A person with a home of their own, who runs tspack in this process. */
export interface CommandLine {
  readonly directory: string;
  /** The local image store. */
  readonly local: LayoutStore;
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** Runs it; fails with what it wrote unless it succeeds. */
  readonly succeed: (...args: readonly string[]) => Promise<string>;
  readonly remove: () => void;
}

/** Makes a person in an empty directory, without any engine. */
export function commandLine(env: Readonly<Record<string, string>> = {}): CommandLine {
  const directory = mkdtempSync(join(tmpdir(), "tspack-line-"));
  mkdirSync(join(directory, "work"));
  const home = join(directory, "home");
  const run: CommandLine["run"] = async (...argv) => {
    const written = { stdout: "", stderr: "" };
    const code = await runTspack({
      argv,
      // No engine of the machine may take part.
      env: {
        PATH: process.env["PATH"],
        HOME: directory,
        TSPACK_HOME: home,
        DOCKER_HOST: `unix://${directory}/none.sock`,
        ...env,
      },
      cwd: join(directory, "work"),
      uid: process.getuid?.() ?? 0,
      stdin: undefined,
      stdout: (text) => void (written.stdout += text),
      stderr: (text) => void (written.stderr += text),
      terminal: false,
      color: false,
      packageRoot: resolve(import.meta.dirname, "../.."),
      signal: new AbortController().signal,
    });
    return { code, ...written };
  };
  return {
    directory,
    local: layoutStore(join(home, "data/images")),
    run,
    succeed: async (...args) => {
      const { code, stdout, stderr } = await run(...args);
      if (code === 0) return stdout;
      throw new Error(`tspack ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
