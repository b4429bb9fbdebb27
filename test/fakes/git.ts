import { execFileSync } from "node:child_process";

/** Whether the program git is here: tests that need it are left out by name without it, and fail in CI. */
export const hasGit = ((): boolean => {
  try {
    execFileSync("git", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    if (process.env["CI"] !== undefined) throw new Error("CI needs git");
    return false;
  }
})();

/** For the names of such tests. */
export const gitNote = hasGit ? "" : " (skipped: no git)";
