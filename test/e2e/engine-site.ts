import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { canStartEngine, startDockerEngine, startPodmanEngine, type TestEngine } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { buildJson, needs, type Person, removeAll, scratchDirectory, self, type Summary } from "./tspack.ts";

const engines = [
  ["Docker", "dockerd", startDockerEngine],
  ["Podman", "podman", startPodmanEngine],
] as const;

/** Which engine: the program that is it. */
export type EngineProgram = (typeof engines)[number][1];

/** Declares tests for each engine, skipped by name where it can not be started; CI has to have both. */
export function describeEngines(what: string, tests: (at: EngineSite, program: EngineProgram) => void): void {
  describe.each(engines)(`${what} with %s (needs root, %s, docker-registry, skopeo)`, (_name, program, start) => {
    const { skip } = needs("docker-registry", "skopeo", program);
    const canStart = canStartEngine(program);
    if (!canStart && process.env["CI"] !== undefined) throw new Error(`CI needs ${program} as root`);
    describe.skipIf(skip || !canStart)("", () => tests(engineSite(start), program));
  });
}

// bcrypt of "pass:word".
const htpasswd = "ada:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";
export const credential = Buffer.from("ada:pass:word").toString("base64");

/** Says what it can see, and makes one layer for launch and cache. */
export const buildScript = `set -e
echo "user $(id -u):$(id -g), app of $(stat -c %u:%g .)"
seen="$(env) $(cat /proc/*/environ 2> /dev/null | tr '\\0' '\\n' || true)"
[[ $seen != *CNB_PLATFORM_API* ]] || echo "variables of the phase are here"
[[ $seen != *${credential}* ]] || echo "a credential is here"
[ ! -e /extra ] || echo "extra: $(cat /extra/file)"
[ ! -e /extra ] || touch /extra/made 2> /dev/null || echo "extra is read-only"
echo "interfaces: $(ls /sys/class/net | tr '\\n' ' ')"
[ ! -f "$CNB_LAYERS_DIR/data/file" ] || echo "kept from the last build"
mkdir -p "$CNB_LAYERS_DIR/data"; echo data > "$CNB_LAYERS_DIR/data/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["cat", "/workspace/build.sh"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`;

/** Everything that builds could leave in the engine, but its images. */
export interface EngineThings {
  readonly volumes: readonly string[];
  readonly others: readonly string[];
}

/** An engine, a registry that wants a password, an application with a scripted buildpack, and somebody who builds it. */
export interface EngineSite {
  readonly person: Person;
  readonly registry: DockerRegistry;
  readonly directory: string;
  readonly app: string;
  readonly env: Readonly<Record<string, string>>;
  readonly build: (...args: readonly string[]) => Promise<Summary & { readonly log: string }>;
  /** Builds the application in the engine. */
  readonly scripted: (name: string, ...args: readonly string[]) => Promise<Summary & { readonly log: string }>;
  /** What the engine answers. */
  readonly ask: (path: string) => Promise<unknown>;
  readonly things: () => Promise<EngineThings>;
  /** Options of a build whose image goes to the registry. */
  readonly publishing: () => readonly string[];
}

function engineSite(start: () => Promise<TestEngine | undefined>): EngineSite {
  let person: Person;
  let engine: TestEngine;
  let registry: DockerRegistry;
  let directory = "";
  let app = "";
  let env: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("engine-build");
    await makeScriptedBuilder(person, join(directory, "builder"));
    app = scriptedApp(join(directory, "app"), { build: buildScript });
    registry = await startDockerRegistry({ htpasswd });
    const started = await start();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
    mkdirSync(join(directory, "docker"));
    const auths = { [registry.host]: { auth: credential } };
    writeFileSync(join(directory, "docker/config.json"), JSON.stringify({ auths }));
    env = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: join(directory, "docker") };
    skopeo("copy", `oci:${person.home}/data/images:tspack.local/run:bookworm`, `docker://${registry.host}/run:v1`);
  });
  afterAll(async () => {
    await engine.close();
    await registry.close();
    removeAll(directory);
  });

  const skopeo = (command: string, from: string, to: string): void => {
    const flags = ["--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ada:pass:word"];
    execFileSync("skopeo", [command, "-q", ...flags, from, to], { stdio: "pipe" });
  };
  const build = (...args: readonly string[]): Promise<Summary & { readonly log: string }> =>
    buildJson(person, [...args], { env });
  const scripted = (name: string, ...args: readonly string[]): ReturnType<typeof build> =>
    build(name, "--path", app, "--builder", scriptedBuilder, "--runner", "engine", ...args);
  const ask = async (path: string): Promise<unknown> => {
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      return await connection.json({ method: "GET", path });
    } finally {
      await connection.close();
    }
  };
  const things = async (): Promise<EngineThings> => {
    const containers = (await ask("/containers/json?all=1")) as readonly { readonly Names: readonly string[] }[];
    const { Volumes: volumes } = (await ask("/volumes")) as { Volumes: readonly { Name: string }[] | null };
    const networks = (await ask("/networks")) as readonly { readonly Name: string }[];
    return {
      volumes: (volumes ?? []).map(({ Name }) => Name).sort(),
      others: [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name)]
        .filter((name) => name.includes("tspack"))
        .sort(),
    };
  };
  const publishing = (): readonly string[] => [
    "--publish",
    "--run-image",
    `${registry.host}/run:v1`,
    "--network",
    "host",
  ];
  return {
    get person() {
      return person;
    },
    get registry() {
      return registry;
    },
    get directory() {
      return directory;
    },
    get app() {
      return app;
    },
    get env() {
      return env;
    },
    build,
    scripted,
    ask,
    things,
    publishing,
  };
}
