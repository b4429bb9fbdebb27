import { expect, test } from "vitest";
import { shortRun } from "../fuzz/short-run.ts";
import { launcherTarget } from "../fuzz/targets/launcher.ts";

const target = launcherTarget();

test.skipIf(target.missing !== undefined && process.env["CI"] === undefined)(
  "broken metadata.toml ends the launcher with one of its exit codes (needs a C compiler)",
  async () => {
    expect(await shortRun(target, 3000)).toBeUndefined();
  },
);
