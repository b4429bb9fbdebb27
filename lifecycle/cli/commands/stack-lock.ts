import { resolve } from "node:path";
import { stackInputs } from "../../platform/builder/local-parts.ts";
import { changedSizes, type PackageChange } from "../../platform/stack/stack-changes.ts";
import { stackChanges, writeLocks, type LockInputs } from "../../platform/stack/stack-locks.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, ExitWith, openToolbox, type Toolbox, type TspackHost } from "../toolbox.ts";
import { type SourceOptions, stackFileOf, stackSources } from "./stack-names.ts";

interface LockOptions extends CommonOptions, SourceOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** `tspack stack lock`: versions without images. */
export async function lockStackCommand(
  host: TspackHost,
  [name = "bookworm"]: readonly string[],
  options: LockOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const kept = await writeLocks(await lockInputs(toolbox, name, options, options.output));
  for (const { file, lock } of kept) {
    const { stack, arch, released } = lock;
    const packages = lock.packages.length;
    if (options.json === true) host.stdout(`${JSON.stringify({ file, stack, arch, released, packages })}\n`);
    else host.stdout(`${stack} ${arch}  ${packages} packages of ${released}\n  ${file}\n`);
  }
}

interface DiffOptions extends CommonOptions, SourceOptions {
  readonly lock?: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

/** `tspack stack diff`: what an update would change. */
export async function diffStackCommand(
  host: TspackHost,
  [name = "bookworm"]: readonly string[],
  options: DiffOptions,
): Promise<void> {
  const changes = await stackChanges(await lockInputs(openToolbox(host, options), name, options, options.lock));
  if (options.json === true) host.stdout(`${JSON.stringify({ changes, size: changedSizes(changes) }, undefined, 2)}\n`);
  else host.stdout(changesText(changes));
  if (options.exitCode === true && changes.length > 0) throw new ExitWith(exitCodes.failed);
}

async function lockInputs(
  toolbox: Toolbox,
  name: string,
  options: SourceOptions,
  file: string | undefined,
): Promise<LockInputs> {
  const { host, ctx } = toolbox;
  const lockFile = file === undefined ? undefined : resolve(host.cwd, file);
  return { ...(await stackInputs(stackSources(toolbox, options), stackFileOf(host, name), lockFile)), ctx };
}

/** Changes as a table with a summary above. */
export function changesText(changes: readonly PackageChange[]): string {
  if (changes.length === 0) return "No package changed\n";
  const security = changes.filter((each) => each.security).length;
  const { run, build } = changedSizes(changes);
  const rows = changes.map(
    ({ name, images: [image = ""], from = "new", to = "gone", size, security: isSecurity }) =>
      [image, name, `${from} -> ${to}`, signed(size), isSecurity ? "security" : ""] as const,
  );
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) =>
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
  );
  const count = `${changes.length} ${changes.length === 1 ? "package" : "packages"}`;
  return `${count}, ${security} of them security updates; run image ${signed(run)}, build image ${signed(build)}\n${lines.join("")}`;
}

function signed(bytes: number): string {
  return `${bytes < 0 ? "-" : "+"}${formatBytes(Math.abs(bytes))}`;
}
