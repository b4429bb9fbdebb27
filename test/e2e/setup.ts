import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../..");

/**
 * Before all end-to-end tests: builds the package and puts it where no later build of this
 * checkout changes it, so that one default builder serves every test. `TSPACK_E2E_HOME` keeps the
 * builder from run to run; without it everything is in a directory that goes at the end.
 * `TSPACK_E2E_BUILT` says that dist/ is there already.
 */
export function setup(): () => void {
  const kept = process.env["TSPACK_E2E_HOME"];
  const home = kept ?? mkdtempSync(join(tmpdir(), "tspack-e2e-"));
  process.env["TSPACK_E2E_HOME"] = home;
  process.env["NPM_CONFIG_REGISTRY"] ??= npmRegistry();
  if (process.env["TSPACK_E2E_BUILT"] === undefined)
    execFileSync(process.execPath, [join(repository, "lifecycle/distribution/bundle.mjs")], { stdio: "inherit" });
  const packageRoot = join(home, "package");
  rmSync(packageRoot, { recursive: true, force: true });
  // Other users enter it as well.
  mkdirSync(packageRoot, { recursive: true, mode: 0o755 });
  execFileSync("chmod", ["755", home]);
  for (const part of ["dist", "stacks", "samples", "package.json"])
    cpSync(join(repository, part), join(packageRoot, part), { recursive: true, verbatimSymlinks: true });
  symlinkSync(join(repository, "node_modules"), join(packageRoot, "node_modules"));
  return () => {
    if (kept === undefined) execFileSync("rm", ["-rf", home]);
  };
}

/** Tests have a HOME of their own, so what the person's npm knows is asked here. */
function npmRegistry(): string {
  return execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
}
