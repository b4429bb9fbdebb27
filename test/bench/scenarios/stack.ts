import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compete, type Contestant } from "../compete.ts";
import { measure } from "../measure.ts";
import { type Bench, ours, type Scenario } from "../scenario.ts";

const mmdebstrap = "/usr/bin/mmdebstrap";
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

/** They fetch the lists and packages every time: what that costs depends on the mirror. */
function peers({ root, directory }: Bench): readonly Contestant[] {
  if (!existsSync(mmdebstrap) || !existsSync(aptSources)) return [];
  const text = readFileSync(join(root, "stacks/bookworm/stack.toml"), "utf8");
  const names = [...(/^run = \[([^\]]*)\]/m.exec(text)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  const options = ["--variant=extract", `--include=${names.join(",")}`];
  const command = [mmdebstrap, ...options, "bookworm", join(directory, "mmdebstrap.tar"), aptSources];
  return [{ name: "mmdebstrap --variant=extract (fetches, no compression)", peer: true, command }];
}
