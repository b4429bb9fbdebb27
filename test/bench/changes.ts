import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type BenchBuild, benchEnv } from "./bench-build.ts";
import { measure } from "./measure.ts";

/** Runs a phase that is not measured. */
export async function quietly(
  command: readonly string[],
  env: Readonly<Record<string, string>> = benchEnv,
): Promise<void> {
  await measure({ name: command[2] ?? "", command, env });
}

/** Changes one file of the exporter's first layer, so that no registry has it yet. */
export function touchLayer({ first, layers }: Pick<BenchBuild, "first" | "layers">): void {
  const file = first === `${layers}/bench_layers` ? undefined : firstFile(first);
  if (file !== undefined) appendFileSync(file, `changed ${process.hrtime.bigint()}\n`);
}

function firstFile(directory: string): string | undefined {
  const [entry] = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (entry === undefined) return undefined;
  const path = join(directory, entry.name);
  return entry.isDirectory() ? firstFile(path) : path;
}

/** Changes one file of the application. */
export function touchApp({ app }: Pick<BenchBuild, "app">): void {
  appendFileSync(join(app, "page-0.html"), `changed ${process.hrtime.bigint()}\n`);
}
