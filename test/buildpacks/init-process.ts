import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildpackDirectory, capture } from "./workspace.ts";

/** One process of a configuration: its policy and what comes with it, as lines. */
export interface Declared {
  readonly policy: "main" | "always" | "on-failure" | "never";
  readonly command: readonly string[];
  /** Lines such as `port 80`. */
  readonly more?: readonly string[];
}

/** A command that a shell runs. */
export const sh = (script: string): readonly string[] => ["sh", "-c", script];

/** Compiles the program; an error with what the compiler says, also when those are warnings. */
export async function compileInit(compiler: string, program: string, flags: readonly string[] = []): Promise<void> {
  const source = join(buildpackDirectory("init"), "lib/source");
  const files = readdirSync(source).filter((name) => name.endsWith(".c"));
  const options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", ...flags, "-o", program];
  const made = await capture([compiler, ...options, ...files], source, { PATH: process.env["PATH"] ?? "" });
  if (made.code !== 0 || made.output !== "") throw new Error(`${compiler} ended with ${made.code}: ${made.output}`);
}

/** Writes a configuration as the buildpack does. */
export function writeConfiguration(file: string, processes: Readonly<Record<string, Declared>>): void {
  const lines = Object.entries(processes).flatMap(([name, { policy, command, more = [] }]) => [
    `process ${name} ${policy}`,
    ...command.map((argument) => `arg ${argument.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`),
    ...more,
  ]);
  writeFileSync(file, `${lines.join("\n")}\n`);
}

/** init, while it runs. Both streams are in `output`. */
export class InitProcess {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  readonly #child;
  #output = "";

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") {
    const variables = { PATH: process.env["PATH"] ?? "", ...env };
    this.#child = spawn(program, args, { env: variables, stdio: ["pipe", "pipe", "pipe"] });
    this.pid = this.#child.pid ?? 0;
    // Whoever has ended has no interest in it.
    this.#child.stdin.on("error", () => {});
    if (input === "") this.#child.stdin.destroy();
    else this.#child.stdin.end(input);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.ended = once(this.#child, "close").then(([code]) => ({ code: code as number | null, output: this.#output }));
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until the output matches; an error when init ends before. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found;
      const more = Promise.race([
        once(this.#child.stdout, "data"),
        once(this.#child.stderr, "data"),
        this.ended.then(() => "ended" as const),
      ]);
      if ((await more) === "ended" && !pattern.test(this.#output))
        throw new Error(`init ended before ${pattern.source}: ${this.#output}`);
    }
  }

  /** Sends a signal to init alone. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
