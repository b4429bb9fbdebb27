import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("the runtime knows the setting that keeps the space for young objects small", () => {
  const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  expect(known.replaceAll("_", "-")).toContain("--semi-space-growth-factor");
});

test("the setting, made while the program runs, keeps the space from growing", () => {
  const grown = (factor: string): number => {
    const script = `
      ${factor === "" ? "" : `require("v8").setFlagsFromString("--semi-space-growth-factor=${factor}");`}
      let kept = [];
      for (let i = 0; i < 3e6; i++) { kept.push({ i }); if (kept.length > 5e4) kept = []; }
      const space = require("v8").getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
      console.log(space.space_size);`;
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    return Number(stdout);
  };
  expect(grown("1")).toBeLessThan(grown("") / 2);
});
