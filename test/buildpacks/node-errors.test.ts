import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildpackDirectory } from "./workspace.ts";

const root = mkdtempSync(join(tmpdir(), "tspack-node-errors-"));
const MANIFEST = `{
  "name": "app",
  "dependencies": {
    "dep": "^9",
    "@scope/dep": "^9"
  }
}
`;
const LOCK = "lockfileVersion: '9.0'\npackages:\n  deep@1.0.0:\n    resolution: {integrity: sha512-AAAA}\n";

/** The two lines for what a manager wrote; none when it is not known. */
function explain(log: string): readonly string[] {
  writeFileSync(join(root, "log"), log);
  writeFileSync(join(root, "package.json"), MANIFEST);
  writeFileSync(join(root, "pnpm-lock.yaml"), LOCK);
  const program = join(buildpackDirectory("npm-install"), "lib/explain.mjs");
  const args = [program, join(root, "log"), root, "pnpm-lock.yaml", "make it anew"];
  return execFileSync(process.execPath, args).toString().split("\n").slice(0, -1);
}

const npm = (...lines: readonly string[]): string => lines.map((line) => `npm error ${line}\n`).join("");

// What npm 11, pnpm 10, Yarn 1 and Yarn 4 print.
const CASES: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "npm: no version",
    npm("code ETARGET", "notarget No matching version found for @scope/dep@^9.", "notarget In most cases"),
    'package.json:5: no version of @scope/dep satisfies "^9"',
    /NPM_CONFIG_REGISTRY/,
  ],
  [
    "pnpm: no version",
    " ERR_PNPM_NO_MATCHING_VERSION  No matching version found for dep@^9 while fetching it from http://r/\n\nThis",
    'package.json:4: no version of dep satisfies "^9"',
    /NPM_CONFIG_REGISTRY/,
  ],
  [
    "Yarn 1: no version",
    'error Couldn\'t find any versions for "dep" that matches "^9"\n',
    'package.json:4: no version of dep satisfies "^9"',
    /choose a version/,
  ],
  [
    "Yarn 4: no version",
    "➤ YN0000: ┌ Resolution step\n➤ YN0082: │ dep@npm:^9: No candidates found\n",
    'package.json:4: no version of dep satisfies "^9"',
    /choose a version/,
  ],
  [
    "npm: no package",
    npm("code E404", "404 Not Found - GET http://r/dep", "404  The requested resource 'dep@1' could not be found"),
    "package.json:4: the registry does not have the package dep",
    /correct the name/,
  ],
  [
    "pnpm: no package",
    " ERR_PNPM_FETCH_404  GET http://r/dep: Not Found - 404\n\ndep is not in the npm registry, or you have no\n",
    "package.json:4: the registry does not have the package dep",
    /correct the name/,
  ],
  [
    "Yarn 1: no package",
    'error Couldn\'t find package "dep" on the "npm" registry.\n',
    "package.json:4: the registry does not have the package dep",
    /correct the name/,
  ],
  [
    "Yarn 4: no package",
    "➤ YN0035: │ dep@npm:1: Package not found\n",
    "package.json:4: the registry does not have the package dep",
    /correct the name/,
  ],
  [
    "npm: another hash",
    `npm warn tarball tarball data for deep@http://r/deep.tgz (sha512-AAAA) seems to be corrupted. Trying again.\n${npm(
      "code EINTEGRITY",
      "sha512-AAAA integrity checksum failed when using sha512: wanted sha512-AAAA but got sha512-BB==. (161 bytes)",
    )}`,
    "pnpm-lock.yaml:4: deep does not match its hash: expected sha512-AAAA, got sha512-BB==",
    /make it anew/,
  ],
  [
    "pnpm: another hash",
    ' ERR_PNPM_TARBALL_INTEGRITY  Got unexpected checksum for "http://r/deep/-/deep-1.0.0.tgz". Wanted "sha512-AAAA". Got "sha512-BB==".\n',
    "pnpm-lock.yaml:4: deep does not match its hash: expected sha512-AAAA, got sha512-BB==",
    /make it anew/,
  ],
  [
    "Yarn 1: another hash",
    'error http://r/deep-1.0.0.tgz: Integrity check failed for "deep" (computed integrity doesn\'t match our records, got "sha512-BB== sha1-x=")\n',
    "pnpm-lock.yaml:3: deep does not match its hash: expected that of the lock, got sha512-BB==",
    /make it anew/,
  ],
  [
    "Yarn 4: another hash",
    "➤ YN0018: │ deep@npm:1.0.0: The remote archive doesn't match the expected checksum\n",
    "pnpm-lock.yaml:3: deep does not match its hash",
    /make it anew/,
  ],
  [
    "npm: another Node.js",
    npm(
      "code EBADENGINE",
      "engine Not compatible with your version of node/npm: dep@9.1.0",
      "notsup Not compatible with your version of node/npm: dep@9.1.0",
      'notsup Required: {"node":">=99"}',
      'notsup Actual:   {"node":"v20.20.2","npm":"11.19.1"}',
    ),
    "package.json:4: dep@9.1.0 does not work with the Node.js of this build: expected >=99, found 20.20.2",
    /engines\.node/,
  ],
  [
    "pnpm: another Node.js",
    ' ERR_PNPM_UNSUPPORTED_ENGINE  Unsupported environment\n\nYour Node version is incompatible with "dep@9.1.0".\n\nExpected version: >=99\nGot: v20.20.2\n\nThis',
    "package.json:4: dep@9.1.0 does not work with the Node.js of this build: expected >=99, found v20.20.2",
    /engines\.node/,
  ],
  [
    "Yarn 1: another Node.js",
    'error dep@9.1.0: The engine "node" is incompatible with this module. Expected version ">=99". Got "20.20.2"\n',
    "package.json:4: dep@9.1.0 does not work with the Node.js of this build: expected >=99, found 20.20.2",
    /engines\.node/,
  ],
  ["npm: no access", npm("code E401"), "the registry of npm packages refuses access (E401)", /_authToken/],
  [
    "npm: down",
    npm("code ECONNREFUSED", "syscall connect"),
    "the registry of npm packages could not be reached: ECONNREFUSED",
    /HTTPS_PROXY/,
  ],
  [
    "pnpm: down",
    " ERR_PNPM_META_FETCH_FAIL  GET http://127.0.0.1:9/dep: request to http://127.0.0.1:9/dep failed, reason: connect ECONNREFUSED 127.0.0.1:9\n",
    "the registry of npm packages could not be reached: connect ECONNREFUSED 127.0.0.1:9",
    /HTTPS_PROXY/,
  ],
  [
    "Yarn 1: down",
    "error Error: connect ECONNREFUSED 127.0.0.1:9\n    at TCPConnectWrap\n",
    "the registry of npm packages could not be reached: connect ECONNREFUSED 127.0.0.1:9",
    /HTTPS_PROXY/,
  ],
  [
    "Yarn 4: down",
    "➤ YN0001: │ RequestError: connect ECONNREFUSED 127.0.0.1:9\n",
    "the registry of npm packages could not be reached: connect ECONNREFUSED 127.0.0.1:9",
    /HTTPS_PROXY/,
  ],
];

describe("errors of npm, pnpm and Yarn", () => {
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it.each(CASES)("%s: place, what is wrong, remedy", (_, log, message, hint) => {
    const [first, second] = explain(log);
    expect(first).toBe(message);
    expect(second).toMatch(hint);
  });

  it("what a script of a package prints is not taken for an error of the registry", () => {
    const script = "> dep@1.0.0 install\nError: connect ECONNREFUSED 127.0.0.1:5432\n";
    expect(explain(script + npm("code 1", "path node_modules/dep", "command failed"))).toEqual([]);
  });
});
