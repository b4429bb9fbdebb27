import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compete } from "../compete.ts";
import { detection } from "../detection.ts";
import type { Scenario } from "../scenario.ts";

/** Many buildpacks that decline: all are asked, as many at a time as there are processors. */
export const detectScenario: Scenario = {
  name: "detect",
  title: "detection of buildpacks of which all decline but one",
  async run(bench) {
    const empty = join(bench.directory, "empty.js");
    writeFileSync(empty, "");
    return compete(
      [
        { name: "an empty Node script", peer: true, command: [process.execPath, empty], yardstick: true },
        detection(bench, "lifecycle detect, one buildpack", 1),
        detection(bench, "lifecycle detect, 30 buildpacks", 30),
      ],
      bench.rounds * 4,
    );
  },
};
