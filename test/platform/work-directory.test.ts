import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeOwner, thisOwner } from "../../lifecycle/platform/owner.ts";
import { workDirectory } from "../../lifecycle/platform/work-directory.ts";

let parent = "";
beforeEach(() => {
  parent = join(mkdtempSync(join(tmpdir(), "tspack-work-")), "builds");
});
afterEach(() => rmSync(join(parent, ".."), { recursive: true, force: true }));

const now = new Date();
const left = (name: string, owner?: string): string => {
  const path = join(parent, name);
  mkdirSync(join(path, "app/deep"), { recursive: true });
  writeFileSync(join(path, "app/deep/file"), "");
  if (owner !== undefined) writeFileSync(join(path, ".owner"), owner);
  return path;
};

describe("a directory for work", () => {
  test("is private, and says whose it is", async () => {
    const path = await workDirectory(parent, "build-", now);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(parent).mode & 0o777).toBe(0o700);
    expect(readdirSync(path)).toEqual([".owner"]);
    expect(await workDirectory(parent, "build-", now)).not.toBe(path);
    expect(existsSync(path)).toBe(true);
  });

  test.skipIf(thisOwner(now) === undefined)(
    "of a process that was killed goes with the next one, at once; of one that runs it stays",
    async () => {
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      await once(child, "spawn");
      const own = thisOwner(now);
      if (own === undefined) throw new Error("there is an owner");
      // Without ticks that are known, the number alone would count.
      const running = left("build-running", encodeOwner(own));
      child.kill("SIGKILL");
      await once(child, "exit");
      const killed = left("build-killed", encodeOwner({ ...own, pid: child.pid ?? 0 }));
      const again = left("build-again", encodeOwner({ ...own, ticks: "1" }));
      await workDirectory(parent, "build-", now);
      expect([killed, again, running].map((path) => existsSync(path))).toEqual([false, false, true]);
    },
  );

  test("of which nobody knows whose it is stays for two days", async () => {
    const [fresh, strange, old] = [left("app-fresh"), left("app-strange", "{}"), left("app-old")];
    utimesSync(old, new Date(0), new Date(now.getTime() - 49 * 60 * 60 * 1000));
    await workDirectory(parent, "build-", now);
    expect([fresh, strange, old].map((path) => existsSync(path))).toEqual([true, true, false]);
  });
});
