import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leafCommands } from "../../bad-input/command-tree.ts";
import { type DockerRegistry, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { startDockerEngine, startPodmanEngine, startRootlessPodman, type TestEngine } from "../docker-engine.ts";
import {
  makeSmallBuildImage,
  scriptedApp,
  scriptedBuilder,
  scriptedBuilderFiles,
  writeTree,
} from "../scripted-builder.ts";
import { leftovers, needs, type Person, removeAll, scratchDirectory, self, succeed } from "../tspack.ts";
import type { Stage, Step } from "./step.ts";
import { withEngine, withoutEngine, withRegistry } from "./stories.ts";

const directory = scratchDirectory("every-command");
const stage: Stage = {
  app: join(directory, "app"),
  builder: scriptedBuilder,
  builderToml: join(directory, "builder/builder.toml"),
  extension: join(directory, "extension"),
  out: join(directory, "out"),
};
let person: Person;

beforeAll(async () => {
  person = await self();
  await makeSmallBuildImage(person);
  writeTree(join(directory, "builder"), scriptedBuilderFiles);
  writeTree(directory, {
    "extension/extension.toml": 'api = "0.10"\n[extension]\nid = "my/ext"\nversion = "1.0.0"\n',
    "extension/bin/detect": "#!/bin/sh\n",
    "extension/bin/generate": "#!/bin/sh\n",
  });
  await succeed(person, ["builder", "create", scriptedBuilder, "--config", stage.builderToml]);
  const process = `printf '[[processes]]\\ntype = "web"\\ncommand = ["echo", "it runs"]\\ndefault = true\\n'`;
  scriptedApp(stage.app, { build: `${process} > "$CNB_LAYERS_DIR/launch.toml"\n` });
});
afterAll(() => removeAll(directory));

/** Steps one after the other; what a step printed is in the failure's message. */
function play(
  steps: readonly Step[],
  env: () => Readonly<Record<string, string>>,
  registry: () => string = () => "",
): void {
  it.each(steps)("$command $args", async ({ command, args, shows, input, env: own }) => {
    const here = args.map((text) => text.replaceAll("REGISTRY", registry()));
    const { stdout } = await succeed(person, [...command.split(" "), ...here], {
      env: { ...env(), ...own },
      ...(input === undefined ? {} : { input: Buffer.from(input) }),
    });
    expect(stdout).toMatch(shows);
    expect(leftovers(person)).toEqual([]);
  });
}

const nowhere = { DOCKER_HOST: `unix://${directory}/no-engine.sock` };

describe("every command without an engine", () => play(withoutEngine(stage), () => nowhere));

const registryTools = needs("docker-registry");
// bcrypt of "pass:word".
const htpasswd = "ada:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";

describe.skipIf(registryTools.skip)(`every command that uses a registry${registryTools.note}`, () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry({ htpasswd });
  });
  afterAll(() => registry.close());
  const env = { ...nowhere, DOCKER_CONFIG: join(directory, "docker") };
  // The registry's port is known only when it runs.
  const steps = withRegistry(stage, "REGISTRY", "pass:word\n");
  it.each(steps)("$command $args", async ({ command, args, shows, input }) => {
    const here = args.map((text) => text.replaceAll("REGISTRY", registry.host));
    const { stdout } = await succeed(person, [...command.split(" "), ...here], {
      env,
      ...(input === undefined ? {} : { input: Buffer.from(input) }),
    });
    expect(stdout).toMatch(new RegExp(shows.source.replaceAll("REGISTRY", registry.host), shows.flags));
  });
});

const engines = [
  ["Docker", ["dockerd"], startDockerEngine],
  ["Podman", ["podman"], startPodmanEngine],
  ["rootless Podman", ["podman", "newuidmap", "unshare", "setpriv"], startRootlessPodman],
] as const;

describe.each(engines)("every command that uses an engine: %s (needs root)", (name, programs, start) => {
  const { skip } = needs(...programs, "docker-registry");
  describe.skipIf(skip || process.getuid?.() !== 0)("", () => {
    let engine: TestEngine;
    let registry: DockerRegistry;
    beforeAll(async () => {
      registry = await startDockerRegistry();
      const started = await start();
      if (started === undefined) throw new Error(`no ${name} can be started here`);
      engine = started;
    });
    afterAll(async () => {
      await engine?.close();
      await registry.close();
    });
    const env = (): Readonly<Record<string, string>> => ({ DOCKER_HOST: `unix://${engine.socket}` });
    play(withEngine(stage, name, "REGISTRY"), env, () => registry.host);
  });
});

it("no command is left out", () => {
  const played = [...withoutEngine(stage), ...withRegistry(stage, "x", ""), ...withEngine(stage, "x", "x")];
  const names = new Set(played.map(({ command }) => command));
  expect(
    leafCommands()
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => name),
  ).toEqual([]);
});
