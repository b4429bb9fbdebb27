import type { Readable } from "node:stream";

/** Variables of a process, as it got them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What tspack may see of the process and the machine that it works in. */
export interface Machine {
  /** Where images and caches are, proxies, certificates and credentials are read from this. */
  readonly env: Env;
  /** Relative paths start here. */
  readonly cwd: string;
  /** The user of this process. */
  readonly uid: number;
  /** The folder of this package: `dist`, `stacks` and `buildpacks` are in it. */
  readonly packageRoot: string;
  /** For an application that comes on standard input; absent: there is none. */
  readonly stdin?: Readable | undefined;
}

/** Directories of programs. */
export function searchPath({ env }: Machine): readonly string[] {
  return (env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(":");
}
