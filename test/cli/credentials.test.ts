import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { takeCredentials } from "../../lifecycle/cli/credentials.ts";
import { withWritableHome } from "../../lifecycle/cli/phases/home.ts";
import { silentLogger } from "../../lifecycle/logger.ts";

test("credentials of the environment are given once and then forgotten", () => {
  const variables: Record<string, string | undefined> = { CNB_REGISTRY_AUTH: "{}", PATH: "/bin" };
  expect(takeCredentials(variables)).toEqual({ CNB_REGISTRY_AUTH: "{}", PATH: "/bin" });
  expect(variables).toEqual({ PATH: "/bin" });
});

test("credentials that the starter handed over are read and the file is closed", () => {
  const directory = mkdtempSync(join(tmpdir(), "tspack-credentials-"));
  writeFileSync(join(directory, "secret"), '{"example.com":"Basic eA=="}');
  const descriptor = openSync(join(directory, "secret"), "r");
  const variables = { TSPACK_REGISTRY_AUTH_FD: String(descriptor), PATH: "/bin" };
  expect(takeCredentials(variables)).toEqual({ CNB_REGISTRY_AUTH: '{"example.com":"Basic eA=="}', PATH: "/bin" });
  expect(variables).toEqual({ PATH: "/bin" });
  expect(() => closeSync(descriptor)).toThrow(/EBADF/);
  rmSync(directory, { recursive: true });
});

test("a home that can be written to stays", () => {
  expect(withWritableHome({ HOME: tmpdir() }, undefined, silentLogger)).toEqual({ HOME: tmpdir() });
});

test("a home that is not there gives way to a private directory", () => {
  const { HOME = "" } = withWritableHome({ HOME: "/nonexistent", A: "b" }, undefined, silentLogger);
  expect(HOME.startsWith(join(tmpdir(), "tspack-home-"))).toBe(true);
  rmSync(HOME, { recursive: true });
});
