import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuildEvent } from "../../lifecycle/platform/events.ts";
import { startDockerRegistry } from "../fakes/docker-registry.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  buildJson,
  environment,
  type Finished,
  follow,
  leftovers,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
  summaryIn,
  tspack,
} from "./tspack.ts";

const run = promisify(execFile);
const sandbox = needs("bwrap");
const skopeo = needs("skopeo", "bwrap");
const registryTools = needs("docker-registry", "bwrap");

let person: Person;
let directory = "";
let app = "";

/** A layer that is cached, one process, and what the buildpack saw. */
const script = `
pwd; echo "ID=$(id -u):$(id -g)"
echo "to standard error" >&2
test -f "$CNB_LAYERS_DIR/kept/file" && echo "found what was cached"
mkdir -p "$CNB_LAYERS_DIR/kept"; echo content > "$CNB_LAYERS_DIR/kept/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/kept.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["sleep", "1"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`;

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("options");
  await makeScriptedBuilder(person, join(directory, "builder"));
  app = scriptedApp(join(directory, "app"), { build: script });
});
afterAll(() => removeAll(directory));

const args = (name: string, ...more: readonly string[]): readonly string[] => [
  ...[name, "--path", app, "--builder", scriptedBuilder],
  ...more,
];
const events = ({ stdout }: Finished): readonly BuildEvent[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as BuildEvent);

describe.skipIf(sandbox.skip)(`tspack build${sandbox.note}`, () => {
  it("--json tells phases, lines of buildpacks, layers and the summary, each with its time", async () => {
    const seen = events(await succeed(person, ["build", ...args("e2e/json", "--json", "--clear-cache")]));
    const phases = ["analyze", "detect", "restore", "build", "export"];
    expect(seen[0]).toMatchObject({ type: "started", image: "e2e/json", names: ["e2e/json:latest"] });
    for (const type of ["phase-started", "phase-finished"])
      expect(seen.flatMap((event) => (event.type === type && "phase" in event ? [event.phase] : []))).toEqual(phases);
    expect(seen).toContainEqual(
      expect.objectContaining({ type: "output", phase: "build", stream: "stdout", line: "to standard error" }),
    );
    expect(seen.filter(({ time }) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time))).toEqual([]);
    const last = seen.at(-1);
    expect(last).toMatchObject({ type: "finished", output: "local", dryRun: false });
    const layers = seen.flatMap((event) => (event.type === "layer" ? [event.digest] : []));
    expect(last?.type === "finished" && last.layers.map(({ digest }) => digest)).toEqual(layers);
  });

  it("--json tells a failure as the last event, also of a bad option", async () => {
    for (const [option, issue] of [
      [["--creation-time", "soon"], "--creation-time"],
      [["--output", "tape"], "--output"],
      [["--cache", "format=tape"], "--cache"],
    ] as const) {
      const finished = await tspack(person, ["build", ...args("e2e/json", "--json", ...option)]);
      expect(finished.code).toBe(3);
      expect(events(finished).at(-1)).toMatchObject({ type: "failed", code: "INVALID_ARGUMENTS" });
      expect(finished.stderr).toContain(`  ${issue}  `);
    }
  });

  it("--dry-run plans the image that a build makes, and writes neither image nor cache", async () => {
    const planned = events(await succeed(person, ["build", ...args("e2e/dry", "--dry-run", "--json")]));
    expect(planned.at(-1)).toMatchObject({ type: "finished", dryRun: true, store: "nowhere", restored: [] });
    const plan = planned.find((event) => event.type === "planned")?.plan;
    expect(plan?.layers.map(({ id }) => id)).toContain("test/scripted:kept");
    expect(plan).toMatchObject({ entrypoint: "/cnb/process/web", workingDir: "/workspace" });
    expect((await tspack(person, ["inspect", "e2e/dry"])).code).not.toBe(0);
    const people = await succeed(person, ["build", ...args("e2e/dry", "--dry-run")]);
    expect(people.stdout).toMatch(/^ +labels +io\.buildpacks\.lifecycle\.metadata$/m);
    const built = await buildJson(person, args("e2e/dry"));
    expect(built.digest).toBe(summaryIn(`${JSON.stringify(planned.at(-1))}\n`).digest);
    expect(built.log).not.toContain("found what was cached");
    await succeed(person, ["images", "rm", "e2e/dry"]);
    expect(leftovers(person)).toEqual([]);
  });

  it("--workspace, --uid, --gid and --exec-env are what buildpacks and the image see", async () => {
    const options = ["--workspace", "srv/app", "--uid", "4321", "--gid", "4322", "--exec-env", "test"];
    const { log, layers } = await buildJson(person, args("e2e/ids", ...options));
    expect(log).toContain("[builder] /srv/app\n");
    expect(log).toContain("ID=4321:4322");
    const digest = layers.find(({ layer }) => layer === "Application Layer")?.digest.replace(":", "/") ?? "";
    const blob = join(person.home, "data/images/blobs", digest);
    const { stdout } = await run("tar", ["--numeric-owner", "-tvzf", blob]);
    expect(stdout).toMatch(/ 4321\/4322 .* \/?srv\/app\/build\.sh$/m);
    const planned = events(await succeed(person, ["build", ...args("e2e/ids", ...options, "--dry-run", "--json")]));
    const plan = planned.find((event) => event.type === "planned")?.plan;
    expect(plan?.labels).toContainEqual({ key: "io.buildpacks.exec-env", value: "test" });
  });

  it("--creation-time is the image's, in every form", async () => {
    const created = async (time: string): Promise<string> => {
      await buildJson(person, args("e2e/created", "--creation-time", time));
      const { stdout } = await succeed(person, ["inspect", "--json", "e2e/created"]);
      return (JSON.parse(stdout) as { readonly created: string }).created;
    };
    expect(await created("2026-01-31T12:00:00+02:00")).toBe("2026-01-31T10:00:00Z");
    expect(await created("0")).toBe("1970-01-01T00:00:00Z");
  });

  it("--report-output-dir and --sbom-output-dir are filled", async () => {
    const [report, sbom] = [join(directory, "out/report"), join(directory, "out/sbom")];
    const { digest } = await buildJson(
      person,
      args("e2e/reports", "--report-output-dir", report, "--sbom-output-dir", sbom),
    );
    expect(readFileSync(join(report, "report.toml"), "utf8")).toContain(`digest = "${digest}"`);
    const file = join(sbom, "sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ bomFormat: "CycloneDX" });
  });

  it("--cache keeps layers in a directory or under a name, and --clear-cache forgets them, and nothing else", async () => {
    const bind = join(directory, "cache");
    for (const [name, cache] of [
      ["e2e/bind", `type=build;format=bind;source=${bind}`],
      ["e2e/volume", "type=build;format=volume;name=e2e-options"],
    ] as const) {
      const build = (image: string, ...more: readonly string[]) =>
        buildJson(person, args(image, "--cache", cache, "--cache", "type=launch;name=unused", ...more));
      await build(name, "--clear-cache");
      // Another image: only the cache can have it.
      expect((await build(`${name}-other`)).log).toContain("found what was cached");
      if (name === "e2e/bind") writeFileSync(join(bind, "build-cache/mine"), "");
      expect((await build(`${name}-third`, "--clear-cache")).log).not.toContain("found what was cached");
    }
    expect(readdirSync(bind)).toEqual(["build-cache"]);
    expect(readdirSync(join(bind, "build-cache"))).toEqual(expect.arrayContaining(["committed", "mine"]));
  });

  it("--volume shows directories and files, writable when that is said", async () => {
    const shared = join(directory, "shared");
    const look = scriptedApp(shared, {
      build: `cat /mnt/in/text /platform/bindings/db/secret; touch /mnt/in/no || echo refused; echo made > /mnt/out/made`,
    });
    for (const [name, text] of [
      ["text", "from the volume\n"],
      ["secret", "from the binding\n"],
    ] as const)
      writeFileSync(join(shared, name), text);
    const volumes = [`${shared}:/mnt/in`, `${shared}/secret:/platform/bindings/db/secret`, "e2e-volume:/mnt/out:rw"];
    const options = volumes.flatMap((volume) => ["--volume", volume]);
    const build = ["e2e/volumes", "--path", look, "--builder", scriptedBuilder];
    const { log } = await buildJson(person, [...build, ...options]);
    for (const line of ["from the volume", "from the binding", "refused"]) expect(log).toContain(`[builder] ${line}\n`);
    expect(existsSync(join(shared, "no"))).toBe(false);
    expect(readFileSync(join(person.home, "data/volumes/e2e-volume/made"), "utf8")).toBe("made\n");

    for (const volume of ["/not/there:/mnt", `${shared}:/cnb/x`, `${shared}:/workspace/x`, "nothing"]) {
      const { code, stderr } = await tspack(person, ["build", ...build, "--volume", volume]);
      expect([code, stderr.includes("error INVALID_ARGUMENTS")]).toEqual([3, true]);
    }
  });

  it("--pull-policy never asks no registry", async () => {
    const missing = ["--run-image", "registry.invalid/run", "--pull-policy", "never"];
    const { code, stderr } = await tspack(person, ["build", ...args("e2e/never", ...missing)]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error IMAGE_NOT_FOUND: .*registry\.invalid\/run/m)]);
  });

  it("--timestamps begin each line, --no-color and --verbose are taken", async () => {
    const { stderr } = await succeed(person, [
      "build",
      ...args("e2e/lines", "--timestamps", "--no-color", "--verbose"),
    ]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /.test(line))).toEqual([]);
    expect(lines.some((line) => line.endsWith("Z ===> BUILDING"))).toBe(true);
  });
});

describe.skipIf(sandbox.skip)(`a link called pack${sandbox.note}`, () => {
  it("takes the arguments that test suites of buildpacks give", async () => {
    const link = join(directory, "pack");
    symlinkSync(packageFile("dist/tspack.js"), link);
    const sbom = join(directory, "pack-sbom");
    const words = [
      ...["--no-color", "--timestamps", "build", "e2e/pack", "--verbose", "--builder", scriptedBuilder, "--path", app],
      ...["--cache", "type=build;format=volume;name=e2e-pack.build"],
      ...["--cache", "type=launch;format=volume;name=e2e-pack.launch"],
      ...["--pull-policy", "if-not-present", "--buildpack", join(directory, "builder/scripted"), "--env", "A=b"],
      ...["--trust-builder", "--trust-extra-buildpacks", "--network", "host", "--volume", `${directory}:/mnt/all:ro`],
      ...["--sbom-output-dir", sbom, "--clear-cache"],
    ];
    const child = spawn(process.execPath, [link, ...words], {
      env: environment(person),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await follow(child).done;
    // Under that name all but errors and progress is on standard output, without prefixes for a trusted builder.
    expect([code, stdout, stderr.includes("===>")]).toEqual([0, expect.stringMatching(/Z ===> BUILDING\n/), false]);
    expect(stdout).toMatch(/Successfully built image 'e2e\/pack'\n$/);
    expect(existsSync(join(sbom, "sbom/launch"))).toBe(true);
  });
});

describe.skipIf(skopeo.skip)(`--output, read by skopeo${skopeo.note}`, () => {
  it.each(["oci", "oci-archive", "docker-archive"])("%s", async (kind) => {
    const path = join(directory, `output-${kind}`);
    const built = await buildJson(person, args("e2e/output", "--output", `${kind}:${path}`));
    const name = kind === "oci" ? `${kind}:${path}:index.docker.io/e2e/output:latest` : `${kind}:${path}`;
    const { stdout } = await run("skopeo", ["inspect", name]);
    const seen = JSON.parse(stdout) as { readonly Digest: string; readonly Layers: readonly string[] };
    expect(seen.Layers.length).toBe(built.layers.length);
    if (kind !== "docker-archive") expect(seen.Digest).toBe(built.digest);
    if (kind !== "oci") expect(statSync(path).isFile()).toBe(true);
  });
});

describe.skipIf(registryTools.skip)(`--cache-image${registryTools.note}`, () => {
  it("keeps layers in a registry, for images that are sent there", async () => {
    const registry = await startDockerRegistry();
    try {
      const build = (name: string): ReturnType<typeof buildJson> =>
        buildJson(person, args(`${registry.host}/${name}`, "--publish", "--cache-image", `${registry.host}/cache`));
      await build("one");
      const second = await build("two");
      expect(second.log).toContain("found what was cached");
      const alone = await tspack(person, ["build", ...args("e2e/alone", "--cache-image", `${registry.host}/cache`)]);
      expect([alone.code, alone.stderr.includes("--publish")]).toEqual([3, true]);
    } finally {
      await registry.close();
    }
  });
});
