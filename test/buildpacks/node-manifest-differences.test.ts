import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PNPM_9, YARN_1, YARN_4 } from "./node-lock-files.ts";
import { buildpackDirectory } from "./workspace.ts";

const root = mkdtempSync(join(tmpdir(), "tspack-differences-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("what a lock was not made for", () => {
  const differences = (manager: string, name: string, lock: string): string => {
    const directory = mkdtempSync(join(root, "differences-"));
    mkdirSync(join(directory, "packages/web"), { recursive: true });
    writeFileSync(join(directory, name), lock);
    writeFileSync(join(directory, "package.json"), JSON.stringify({ devDependencies: { tool: "^1.0.0", gone: "^4" } }));
    writeFileSync(join(directory, "packages/web/package.json"), JSON.stringify({ dependencies: { "@scope/a": "^9" } }));
    const program = join(buildpackDirectory(`${manager}-install`), "lib/differences.mjs");
    return execFileSync(process.execPath, [program, directory, join(directory, name)]).toString();
  };
  const npm = JSON.stringify({
    packages: {
      "": { devDependencies: { tool: "^1.0.0" } },
      "packages/web": { dependencies: { "@scope/a": "^1.0.0" } },
    },
  });

  it.each([
    ["npm", "package-lock.json", npm],
    ["pnpm", "pnpm-lock.yaml", PNPM_9],
    ["yarn", "yarn.lock", YARN_1],
    ["yarn", "yarn.lock", YARN_4],
  ])("%s: %s names file, package and both ranges", (manager, name, lock) => {
    expect(differences(manager, name, lock)).toBe(
      'package.json:1 wants gone "^4", the lock has none; packages/web/package.json:1 wants @scope/a "^9", the lock has "^1.0.0"',
    );
  });
});
