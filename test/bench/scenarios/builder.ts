import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compete } from "../compete.ts";
import { ours, type Scenario } from "../scenario.ts";

/** The first build of all: base images, lifecycle and builder are made. Once, for it takes its time. */
export const builderScenario: Scenario = {
  name: "builder",
  title: "the first build on a machine, which makes the default builder",
  async run(bench) {
    const home = join(bench.directory, "home");
    const path = join(bench.root, "samples/node-hello");
    const command = ours(bench, "tspack", "build", "first", "-p", path);
    const env = { TSPACK_HOME: home };
    return compete(
      [
        { name: "tspack build, nothing there", command, env, remark: () => sizes(home) },
        {
          name: "tspack build, downloads there",
          command,
          env,
          prepare: () => {
            for (const part of ["data", "cache/blobs", "cache/builds", "cache/downloads/stacks"])
              rmSync(join(home, part), { recursive: true, force: true });
          },
        },
      ],
      1,
    );
  },
};

function sizes(home: string): string {
  const size = (part: string): string =>
    execFileSync("du", ["-sh", join(home, part)], { encoding: "utf8" }).split("\t")[0] ?? "";
  return existsSync(home) ? `${size("cache/downloads")} downloaded, ${size("data")} made` : "";
}
