import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { canStartEngine, startDockerEngine, type TestEngine } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder, writeTree } from "./scripted-builder.ts";
import {
  environment,
  type Finished,
  follow,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
} from "./tspack.ts";

// Scripts and test suites for pack call it with these lists of arguments. Here they call tspack.

let directory = "";
let person: Person;
let app = "";
beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("pack");
  await makeScriptedBuilder(person, join(directory, "builder"));
  app = scriptedApp(join(directory, "app"), {
    build: `set -e
echo "first line of $GREETING"
echo "second line"
echo "on the other stream" >&2
[ ! -e /extra ] || touch /extra/made
mkdir -p "$CNB_LAYERS_DIR/data"; echo data > "$CNB_LAYERS_DIR/data/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["cat"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`,
  });
  writeTree(directory, {
    "extra-buildpack/buildpack.toml":
      'api = "0.11"\n[buildpack]\nid = "test/extra"\nversion = "1.0.0"\nsbom-formats = ["application/vnd.cyclonedx+json"]\n[[targets]]\nos = "linux"\n',
    "extra-buildpack/bin/detect": "#!/bin/sh\n",
    "extra-buildpack/bin/build": `#!/bin/sh
echo '{"bomFormat":"CycloneDX","specVersion":"1.4","components":[]}' > "$CNB_LAYERS_DIR/launch.sbom.cdx.json"
exec bash ./build.sh
`,
  });
  symlinkSync(packageFile("dist/tspack.js"), join(directory, "pack"));
});
afterAll(() => removeAll(directory));

/** Runs tspack by the name of pack, as a program found in PATH is run. */
function packWith(env: Readonly<Record<string, string>>) {
  return (...args: readonly string[]): Promise<Finished> => {
    const all = { ...environment(person), ...env };
    return follow(spawn(join(directory, "pack"), args, { env: all, stdio: ["ignore", "pipe", "pipe"] })).done;
  };
}

const nothingThere = { DOCKER_HOST: "", DOCKER_CONTEXT: "" };

describe("tspack by the name of pack, on a machine without an engine", () => {
  // A socket of the machine's own would be one.
  const hasEngine = existsSync("/var/run/docker.sock") || existsSync("/run/podman/podman.sock");
  const pack = (...args: readonly string[]): Promise<Finished> => packWith(nothingThere)(...args);

  it.each([["version"], ["--version"]])("%s prints a version that can be compared", async (word) => {
    expect(await pack(word)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\+\w+\n$/) });
  });

  it.each([["--help"], ["help"], ["build", "--help"]])("%s prints help by the name of pack", async (...words) => {
    const { code, stdout } = await pack(...words);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: pack /)]);
  });

  it.each([
    [["build"], "missing required argument"],
    [["build", "x", "--no-such-option"], "unknown option"],
    [["biuld"], "Did you mean build"],
    [["build", "x", "--path", "/nowhere/at/all"], "/nowhere/at/all"],
    [["build", "Not A Name"], "INVALID_REFERENCE"],
    [["config", "pull-policy", "sometimes"], "if-not-present"],
  ])("%j ends with 1, as every failure of pack does", async (args, said) => {
    const { code, stderr } = await pack(...args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
  });

  it("switches experimental features on and off", async () => {
    expect((await pack("config", "experimental", "true")).stdout).toBe("Experimental features enabled\n");
    expect((await pack("config", "experimental", "false")).code).toBe(0);
  });

  it.skipIf(hasEngine)("builds into the local store, and says so as pack does", async () => {
    const { code, stdout } = await pack("build", "e2e/pack-local", "--path", app, "--builder", scriptedBuilder);
    expect(code).toBe(0);
    expect(stdout).toContain("Successfully built image 'e2e/pack-local'\n");
    expect((await succeed(person, ["images", "list"])).stdout).toContain("e2e/pack-local");
  });
});

const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");

describe.skipIf(!canStart)("tspack by the name of pack, with Docker (needs root, dockerd)", () => {
  let engine: TestEngine;
  let env: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    const started = await startDockerEngine();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
    env = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONTEXT: "" };
  });
  afterAll(() => engine.close());

  const pack = (...args: readonly string[]): Promise<Finished> => packWith(env)(...args);
  const ask = async (path: string): Promise<unknown> => {
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      return await connection.json({ method: "GET", path });
    } finally {
      await connection.close();
    }
  };
  const volumeNames = async (): Promise<readonly string[]> =>
    ((await ask("/volumes")) as { readonly Volumes: readonly { readonly Name: string }[] }).Volumes.map(
      ({ Name }) => Name,
    );

  /** The list that libcnb-test makes. */
  const libcnbTest = (image: string): readonly string[] => [
    ...["build", image, "--builder", scriptedBuilder],
    ...["--cache", `type=build;format=volume;name=${image}.build-cache`],
    ...["--cache", `type=launch;format=volume;name=${image}.launch-cache`],
    ...["--path", app, "--pull-policy", "if-not-present"],
    ...["--buildpack", join(directory, "extra-buildpack"), "--env", "GREETING=libcnb"],
    ...["--trust-builder", "--trust-extra-buildpacks"],
  ];

  it("builds by the list of libcnb-test: an image in Docker, caches by their names, lines as they are", async () => {
    const finished = await pack(...libcnbTest("libcnbtest_abcdef"));
    expect(finished).toMatchObject({ code: 0 });
    // Tests compare several lines at a time: nothing may stand before them.
    expect(finished.stdout).toContain("\nfirst line of libcnb\nsecond line\n");
    expect(finished.stdout).toContain("Successfully built image 'libcnbtest_abcdef'\n");
    // The lifecycle gives buildpacks one stream for both, as the reference does.
    expect(finished.stdout).toContain("on the other stream\n");
    expect(finished.stderr).not.toContain("on the other stream");
    expect(await ask("/images/libcnbtest_abcdef/json")).toMatchObject({ Config: { Entrypoint: ["/cnb/process/web"] } });
    expect(await volumeNames()).toEqual(
      expect.arrayContaining(["libcnbtest_abcdef.build-cache", "libcnbtest_abcdef.launch-cache"]),
    );
    const again = await pack(...libcnbTest("libcnbtest_abcdef"));
    expect(again.stdout).toContain("Reusing layer 'test/extra:data'");
  });

  it("downloads bills of materials by the list of libcnb-test", async () => {
    await pack(...libcnbTest("libcnbtest_sbom"));
    const to = join(directory, "sboms");
    expect(await pack("sbom", "download", "libcnbtest_sbom", "--output-dir", to)).toMatchObject({ code: 0 });
    expect(readdirSync(join(to, "layers/sbom/launch"))).toContain("test_extra");
  });

  it("builds by the list of occam", async () => {
    const [volume, sboms] = [join(directory, "volume"), join(directory, "occam-sboms")];
    mkdirSync(volume);
    chmodSync(volume, 0o777);
    const sha = "0123456789ab";
    const { code, stdout, stderr } = await pack(
      ...["build", "occam-image", "--verbose", "--no-color", "--path", app],
      ...["--buildpack", join(directory, "extra-buildpack"), "--network", "host", "--builder", scriptedBuilder],
      ...["--clear-cache", "--env", "GREETING=occam", "--pull-policy", "if-not-present", "--sbom-output-dir", sboms],
      ...[
        "--trust-builder",
        "--volume",
        `${volume}:/extra:rw`,
        "--gid",
        "1000",
        "--run-image",
        "tspack.local/run:bookworm",
      ],
      ...["--cache", `type=build;format=volume;name=pack-cache-occam-image_latest-${sha}.build`],
      ...["--cache", `type=launch;format=volume;name=pack-cache-occam-image_latest-${sha}.launch`],
    );
    expect([code, stdout, stderr]).toEqual([0, expect.stringContaining("first line of occam"), expect.any(String)]);
    expect(await ask("/images/occam-image/json")).toBeDefined();
    expect(readdirSync(join(sboms, "sbom/launch"))).toContain("test_extra");
    expect(await volumeNames()).toContain(`pack-cache-occam-image_latest-${sha}.build`);
  });

  it("inspects a builder that only Docker has by the list of occam", async () => {
    // It was brought there by the builds.
    await succeed(person, ["images", "rm", scriptedBuilder]);
    const { code, stdout } = await pack("builder", "inspect", scriptedBuilder, "--output", "json");
    await makeScriptedBuilder(person, join(directory, "builder"));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      builder_name: scriptedBuilder,
      local_info: {
        buildpacks: [{ id: "test/scripted", version: "1.0.0" }],
        lifecycle: { version: expect.any(String) },
        run_images: [{ name: "tspack.local/run:bookworm" }],
        detection_order: [{ buildpacks: [{ id: "test/scripted", version: "1.0.0" }] }],
      },
    });
  });

  it("ends with 1 when a buildpack fails, with its output", async () => {
    const broken = scriptedApp(join(directory, "broken"), { build: "echo so far; echo this is why >&2; exit 7" });
    const args = ["build", "broken-image", "--path", broken, "--builder", scriptedBuilder, "--trust-builder"];
    const { code, stdout, stderr } = await pack(...args, "--pull-policy", "if-not-present");
    expect([code, stderr]).toEqual([1, expect.stringContaining("BUILDPACK_FAILED")]);
    expect(stdout).toContain("so far\nthis is why\n");
    expect(stdout).not.toContain("Successfully built");
    expect(await ask("/images/broken-image/json")).toBeUndefined();
  });
});
