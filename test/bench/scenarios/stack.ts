import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compete, type Contestant } from "../compete.ts";
import { measure } from "../measure.ts";
import { type Bench, ours, type Scenario } from "../scenario.ts";

const mmdebstrap = "/usr/bin/mmdebstrap";
const debootstrap = "/usr/sbin/debootstrap";
const aptSources = "/etc/apt/sources.list.d/debian.sources";

/** A run image from packages that are on this machine already: all but fetching them. */
export const stackScenario: Scenario = {
  name: "stack",
  title: "the run image of the stack bookworm, packages in the cache",
  async run(bench) {
    const home = join(bench.directory, "home");
    const file = join(bench.directory, "stack.toml");
    writeFileSync(file, runOnly(bench));
    const own: Contestant = {
      name: "tspack stack create, with a lock",
      command: ours(bench, "tspack", "stack", "create", file),
      env: { TSPACK_HOME: home },
      prepare: () => forget(home),
    };
    // The first one fetches the packages and writes the lock.
    await measure(own);
    return compete([own, ...peers(bench)], bench.rounds);
  },
};

/** The stack without what its build image has more. */
function runOnly({ root }: Bench): string {
  const text = readFileSync(join(root, "stacks/bookworm/stack.toml"), "utf8");
  return text
    .replace(/^build = \[[^\]]*\]/m, 'build = ["libc6"]')
    .replace("../keyrings/", `${join(root, "stacks/keyrings")}/`);
}

/** What was made of the packages; they themselves and the lock stay. */
function forget(home: string): void {
  for (const part of ["data/images", "cache/blobs", "cache/downloads/stacks"])
    rmSync(join(home, part), { recursive: true, force: true });
}

/**
 * They fetch the lists every time, and mmdebstrap the packages, too: what that costs depends on the mirror. Neither
 * compresses what it unpacks.
 */
function peers(bench: Bench): readonly Contestant[] {
  return [mmdebstrapPeer(bench), debootstrapPeer(bench)];
}

function mmdebstrapPeer({ root, directory }: Bench): Contestant {
  const text = readFileSync(join(root, "stacks/bookworm/stack.toml"), "utf8");
  const names = [...(/^run = \[([^\]]*)\]/m.exec(text)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  const options = ["--variant=extract", `--include=${names.join(",")}`];
  const command = [mmdebstrap, ...options, "bookworm", join(directory, "mmdebstrap.tar"), aptSources];
  return {
    name: "mmdebstrap --variant=extract (fetches, no compression)",
    peer: true,
    command,
    missing: missingOf(mmdebstrap),
  };
}

/** Its first half, which unpacks; it always takes the essential packages. The packages are in its cache. */
function debootstrapPeer({ directory }: Bench): Contestant {
  const root = join(directory, "debootstrap");
  const cache = join(directory, "debootstrap-cache");
  const options = ["--foreign", "--variant=minbase", `--cache-dir=${cache}`];
  return {
    name: "debootstrap --foreign --variant=minbase (packages in its cache, lists fetched, no compression)",
    peer: true,
    command: [debootstrap, ...options, "bookworm", root, aptMirror()],
    prepare: () => {
      mkdirSync(cache, { recursive: true });
      rmSync(root, { recursive: true, force: true });
    },
    missing: missingOf(debootstrap) ?? (process.getuid?.() === 0 ? undefined : "it needs root"),
  };
}

function missingOf(program: string): string | undefined {
  return [program, aptSources].filter((path) => !existsSync(path)).map((path) => `there is no ${path}`)[0];
}

function aptMirror(): string {
  return existsSync(aptSources) ? (/^URIs: *(\S+)/m.exec(readFileSync(aptSources, "utf8"))?.[1] ?? "") : "";
}
