import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDockerRegistry } from "../fakes/docker-registry.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder, smallBuildImage, writeTree } from "./scripted-builder.ts";
import {
  buildJson,
  isRoot,
  needs,
  ordinary,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
  tspack,
} from "./tspack.ts";

const run = promisify(execFile);

let person: Person;
let directory = "";
let app = "";
const at = (name: string): string => join(directory, name);

/** A buildpack that says its name and where it is. */
const speaking = (id: string, version = "1.0.0"): Readonly<Record<string, string>> => ({
  "buildpack.toml": `api = "0.10"\n[buildpack]\nid = "${id}"\nversion = "${version}"\n[[targets]]\nos = "linux"\n`,
  "bin/detect": "#!/bin/sh\nexit 0\n",
  "bin/build": `#!/bin/sh\necho "${id} in $CNB_BUILDPACK_DIR"\nif touch /cnb/buildpacks/mark 2>/dev/null; then echo WRITABLE; fi\n`,
});

function prefixed(folder: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));
}

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("buildpack-options");
  await makeScriptedBuilder(person, at("builder"));
  app = scriptedApp(at("app"), { build: "echo scripted" });
  writeTree(directory, {
    ...prefixed("one", speaking("e2e/one")),
    ...prefixed("two", speaking("e2e/two")),
    "both/buildpack.toml":
      'api = "0.10"\n[buildpack]\nid = "e2e/both"\nversion = "2.0.0"\n[[order]]\n' +
      '[[order.group]]\nid = "e2e/one"\nversion = "1.0.0"\n[[order.group]]\nid = "e2e/two"\nversion = "1.0.0"\n',
    "both/package.toml": '[buildpack]\nuri = "."\n[[dependencies]]\nuri = "../one"\n[[dependencies]]\nuri = "../two"\n',
  });
});
afterAll(() => {
  removeAll(directory);
});

const build = (name: string, args: readonly string[], whose: Person = person) =>
  buildJson(whose, [`e2e/${name}`, "--path", app, "--builder", scriptedBuilder, ...args]);
const ids = ({ group }: { readonly group: readonly { readonly id: string }[] }): readonly string[] =>
  group.map(({ id }) => id);

describe("tspack build --buildpack", () => {
  it.each(["bubblewrap", "unshare"])("runs a directory's buildpack in a sandbox made with %s", async (sandbox) => {
    const built = await build("directory", ["--sandbox", sandbox, "--buildpack", at("one")]);
    expect(ids(built)).toEqual(["e2e/one"]);
    expect(built.log).toContain("e2e/one in /cnb/buildpacks/e2e_one/1.0.0");
    expect(built.log).not.toContain("WRITABLE");
  });

  it("goes around the builder's own buildpacks, which stay as they were", async () => {
    const around = await build("around", ["--pre-buildpack", at("one"), "--post-buildpack", at("two")]);
    expect(ids(around)).toEqual(["e2e/one", "test/scripted", "e2e/two"]);
    const listed = await build("listed", ["--buildpack", `${at("one")},from=builder,${at("two")}`]);
    expect(ids(listed)).toEqual(ids(around));
    expect(ids(await build("plain", []))).toEqual(["test/scripted"]);
  });

  it.skipIf(!isRoot)("works for a user without any privilege", async () => {
    const user = await ordinary();
    await makeScriptedBuilder(user, at("builder-of-user"));
    expect(ids(await build("user", ["--buildpack", at("both")], user))).toEqual(["e2e/one", "e2e/two"]);
  });

  it("takes what buildpack new made", async () => {
    await succeed(person, ["buildpack", "new", "e2e/fresh", "--path", at("fresh"), "--version", "0.1.0"]);
    expect(ids(await build("fresh", ["-b", at("fresh")]))).toEqual(["e2e/fresh"]);
    expect((await tspack(person, ["buildpack", "new", "e2e/fresh", "--path", at("fresh")])).code).toBe(3);
  });

  it("says what was meant when there is no such buildpack", async () => {
    const args = ["build", "e2e/none", "--path", app, "--builder", scriptedBuilder, "--runner", "sandbox"];
    const failed = await tspack(person, [...args, "--buildpack", "urn:cnb:builder:test/scriptd"]);
    expect(failed.code).toBe(3);
    expect(failed.stderr).toContain("BUILDPACK_NOT_FOUND");
    expect(failed.stderr).toContain("did you mean test/scripted?");
  });
});

describe("packages of buildpacks", () => {
  const tools = needs("docker-registry", "skopeo");

  it.skipIf(tools.skip)(`are the same as files, in the local store and in a registry${tools.note}`, async () => {
    const registry = await startDockerRegistry();
    try {
      const remote = `${registry.host}/e2e/both:2`;
      const file = at("both.cnb");
      await succeed(person, ["buildpack", "package", file, "--format", "file", "--config", at("both/package.toml")]);
      await succeed(person, ["buildpack", "package", "localhost/e2e/both:2", "--path", at("both")]);
      await succeed(person, ["buildpack", "package", remote, "--path", at("both"), "--publish"]);
      const inspect = async (name: string): Promise<{ readonly Digest: string }> =>
        JSON.parse((await run("skopeo", ["inspect", "--tls-verify=false", name])).stdout) as {
          readonly Digest: string;
        };
      expect((await inspect(`docker://${remote}`)).Digest).toBe((await inspect(`oci-archive:${file}`)).Digest);

      const digests: string[] = [];
      for (const reference of [file, "localhost/e2e/both:2", `docker://${remote}`, at("both")]) {
        const built = await build("packaged", ["--buildpack", reference]);
        expect(ids(built)).toEqual(["e2e/one", "e2e/two"]);
        digests.push(built.digest);
      }
      expect(new Set(digests).size).toBe(1);

      const other = { ...person, home: at("other-home") };
      const pulled = await succeed(other, ["buildpack", "pull", remote]);
      expect(pulled.stdout).toContain("e2e/one@1.0.0");
      const shown = await succeed(other, ["buildpack", "inspect", remote, "--output", "json"]);
      expect(JSON.parse(shown.stdout)).toMatchObject({ metadata: { id: "e2e/both", version: "2.0.0" } });
    } finally {
      await registry.close();
    }
  });
});

describe("tspack builder create", () => {
  it("makes a builder of a file, an archive, a directory and an extension, which builds", async () => {
    await succeed(person, ["buildpack", "package", at("from/both"), "-f", "file", "--path", at("both")]);
    await run("tar", ["-czf", at("from/scripted.tgz"), "-C", at("builder/scripted"), "."]);
    writeTree(at("from"), {
      ...prefixed("first", speaking("e2e/first")),
      "extension/extension.toml": 'api = "0.10"\n[extension]\nid = "e2e/extension"\nversion = "1.0.0"\n',
      "extension/bin/detect": "#!/bin/sh\nexit 100\n",
      "builder.toml": `description = "Everything"
[build]
image = "${smallBuildImage}"
[[build.env]]
name = "SAID"
value = "by the builder"
[[buildpacks]]
uri = "both.cnb"
[[buildpacks]]
uri = "scripted.tgz"
id = "test/scripted"
[[buildpacks]]
uri = "first"
[[extensions]]
uri = "extension"
[[order]]
[[order.group]]
id = "test/scripted"
[[order.group]]
id = "e2e/both"
[[order-extensions]]
[[order-extensions.group]]
id = "e2e/extension"
version = "1.0.0"
[[system.pre.buildpacks]]
id = "e2e/first"
version = "1.0.0"
`,
    });
    await succeed(person, ["builder", "create", "e2e/builder:full", "--config", at("from/builder.toml")]);
    const said = scriptedApp(at("said"), { build: 'echo "said $SAID"' });
    const args = ["e2e/full", "--path", said, "--builder", "e2e/builder:full"];
    const built = await buildJson(person, args);
    expect(ids(built)).toEqual(["e2e/first", "test/scripted", "e2e/one", "e2e/two"]);
    expect(built.log).toContain("said by the builder");
    const without = await buildJson(person, [...args, "--disable-system-buildpacks"]);
    expect(ids(without)).toEqual(["test/scripted", "e2e/one", "e2e/two"]);

    const shown = await succeed(person, ["builder", "inspect", "e2e/builder:full", "--output", "json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      builder_name: "e2e/builder:full",
      trusted: false,
      default: false,
      local_info: {
        description: "Everything",
        created_by: { name: "tspack" },
        extensions: [{ id: "e2e/extension", version: "1.0.0" }],
        detection_order: [{ buildpacks: [{ id: "test/scripted", version: "1.0.0" }, { id: "e2e/both" }] }],
      },
    });
  });
});
