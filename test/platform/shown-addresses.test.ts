import { expect, test } from "vitest";
import { buildVariables } from "../../lifecycle/platform/build/build-variables.ts";
import { shownUrl } from "../../lifecycle/platform/buildpacks/fetch-file.ts";
import { maskedAddress, withoutCredentials, withoutSecrets } from "../../lifecycle/addresses.ts";
import { daemonAccess } from "../../lifecycle/platform/engine/daemon-access.ts";
import { parseSsh } from "../../lifecycle/platform/engine/endpoint.ts";
import { placesFrom } from "../../lifecycle/platform/places.ts";
import { parseGitAddress, withoutUserInfo } from "../../lifecycle/platform/source/git-address.ts";
import { parseEngineHost } from "../../lifecycle/stores/engine/address.ts";

/** An `@` in a password need not be escaped: the last one before the path is the one that counts. */
const secret = "SECRET@TAIL";

/** What a function that refuses a text says, with all of its details. */
function said(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return `${String(error)} ${JSON.stringify(error)}`;
  }
  throw new Error("it was not refused");
}

test.each<[string, () => string]>([
  ["of Git", () => withoutUserInfo(`fatal: unable to access 'https://me:${secret}@h.test/x.git'`)],
  ["of a buildpack", () => shownUrl(`https://me:${secret}@h.test/bp.tgz?token=TAIL`)],
  ["of a Debian mirror", () => withoutCredentials(`http://me:${secret}@h.test/debian`)],
  ["of a proxy", () => withoutSecrets(`http://me:${secret}@h.test:3128`)],
  ["that is masked", () => maskedAddress(`oci://me:${secret}@h.test/x`)],
  ["that Git is given", () => said(() => parseGitAddress(`git+https://me:${secret}@h.test/x`))],
  ["of an engine through ssh", () => said(() => parseSsh(`ssh://me:${secret}@h.test`, "DOCKER_HOST"))],
  ["of an engine", () => said(() => parseEngineHost(`tcp://me:${secret}@h.test:1`))],
  ["of an engine for containers", () => said(() => daemonAccess(`tcp://me:${secret}@h.test:1`, {}, { socket: "" }))],
])("an address %s is shown without any part of its password", (_, show) => {
  expect(show()).not.toMatch(/SECRET|TAIL/);
});

test("buildpacks are told of the registry of npm without any part of a password", async () => {
  const env = { NPM_CONFIG_REGISTRY: `https://me:${secret}@npm.test/path/` };
  const variables = await buildVariables(env, placesFrom({ TSPACK_HOME: "/nowhere" }), "/", { etc: "/nowhere" });
  expect(variables).toEqual({ NPM_CONFIG_REGISTRY: "https://npm.test/path/" });
});
