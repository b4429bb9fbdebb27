import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LayerEntry, packEntries } from "../../lifecycle/layers/pack-entries.ts";
import { appendLayers, mutate, setEnv } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import {
  makeScriptedBuilder,
  scriptedApp,
  scriptedBuilder,
  scriptedBuilderFiles,
  storeContext,
  writeTree,
} from "./scripted-builder.ts";
import {
  type Finished,
  leftovers,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  tspack,
} from "./tspack.ts";

const registryTools = needs("docker-registry");

let person: Person;
let directory = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("bad-input");
  await makeScriptedBuilder(person, join(directory, "builder"));
});
afterAll(() => {
  removeAll(directory);
});

/** Fails with the exit code and the error's code; every part of the message is there. */
function expectError(
  { code, stderr }: Finished,
  exit: number,
  error: string,
  ...parts: readonly (string | RegExp)[]
): void {
  expect(stderr).toContain(`error ${error}: `);
  expect(code).toBe(exit);
  for (const part of parts) {
    if (typeof part === "string") expect(stderr).toContain(part);
    else expect(stderr).toMatch(part);
  }
  expect(stderr).not.toContain("internal error");
  expect(leftovers(person)).toEqual([]);
}

const entry = { uid: 0, gid: 0, mode: 0o755 };

/** An extension that always takes part, before the scripted buildpack. */
const extensionEntries: readonly LayerEntry[] = [
  { ...entry, name: "/cnb/extensions", type: "dir" },
  { ...entry, name: "/cnb/extensions/test_extension", type: "dir" },
  { ...entry, name: "/cnb/extensions/test_extension/1.0.0", type: "dir" },
  {
    ...entry,
    name: "/cnb/extensions/test_extension/1.0.0/extension.toml",
    type: "file",
    content: 'api = "0.10"\n[extension]\nid = "test/extension"\nversion = "1.0.0"\n',
  },
  { ...entry, name: "/cnb/extensions/test_extension/1.0.0/bin", type: "dir" },
  ...["detect", "generate"].map((name) => ({
    ...entry,
    name: `/cnb/extensions/test_extension/1.0.0/bin/${name}`,
    type: "file" as const,
    content: `#!/bin/sh
[ -z "$CNB_OUTPUT_DIR" ] || printf 'ARG base_image\\nFROM \${base_image}\\nRUN true\\n' > "$CNB_OUTPUT_DIR/build.Dockerfile"
`,
  })),
  {
    ...entry,
    name: "/cnb/order.toml",
    type: "file",
    content:
      '[[order]]\n[[order.group]]\nid = "test/scripted"\nversion = "1.0.0"\n[[order-extensions]]\n[[order-extensions.group]]\nid = "test/extension"\nversion = "1.0.0"\n',
  },
];

const hello = (): readonly string[] => ["--path", packageFile("samples/node-hello")];

describe("the application", () => {
  it("of a language that no buildpack knows: which buildpacks were asked, and why each declined", async () => {
    const app = scriptedApp(join(directory, "empty"), {});
    writeFileSync(join(app, "main.rb"), "puts 'hello'\n");
    const result = await tspack(person, ["build", "e2e/bad", "--path", app]);
    expectError(result, 20, "DETECT_FAILED", "hint: ", "--path");
    for (const [id, reason] of [
      ["nodejs", "no package.json"],
      ["npm-start", "no package.json"],
      ["python", "no pyproject.toml"],
      ["go", "no go.mod"],
      ["java", "no pom.xml"],
      ["nginx", "no nginx.conf"],
      ["procfile", "no Procfile"],
    ] as const)
      expect(result.stderr).toMatch(new RegExp(`Output: tspack/${id}@.*\\n.*${reason}`));
  });

  it("of Gradle: what is not supported and what is possible stand at the end", async () => {
    const app = scriptedApp(join(directory, "gradle"), {});
    writeFileSync(join(app, "build.gradle.kts"), "plugins {}\n");
    const result = await tspack(person, ["build", "e2e/bad", "--path", app]);
    expectError(
      result,
      20,
      "DETECT_FAILED",
      "build.gradle.kts: Gradle is not supported yet",
      /hint: .*gradlew.*--path[^]*$/,
    );
  });

  it("that is not there", async () => {
    const result = await tspack(person, ["build", "e2e/bad", "--path", join(directory, "nowhere")]);
    expectError(result, 1, "FILE_NOT_FOUND", "--path", "expected a directory", "hint: ");
  });

  it("with a build script that fails: its words, the buildpack and the exit code", async () => {
    const app = scriptedApp(join(directory, "failing"), { build: "echo to stdout; echo to stderr >&2; exit 7" });
    const result = await tspack(person, ["build", "e2e/failing", "--path", app, "--builder", scriptedBuilder]);
    expectError(
      result,
      51,
      "BUILDPACK_FAILED",
      "to stdout",
      "to stderr",
      /test\/scripted/,
      /(exit (code|status)|with) 7/,
      "hint: ",
    );
  });

  it("with a detection that fails: its words and the buildpack", async () => {
    const app = scriptedApp(join(directory, "failing-detect"), { detect: "echo I am confused; exit 3" });
    const result = await tspack(person, ["build", "e2e/failing", "--path", app, "--builder", scriptedBuilder]);
    expectError(result, 21, "DETECT_ERROR", "I am confused", "test/scripted", "3", "hint: ");
  });
});

describe("the builder", () => {
  const create = (name: string): Promise<Finished> =>
    tspack(person, ["builder", "create", "e2e/bad-builder", "--config", join(directory, name, "builder.toml")]);

  it("of a builder.toml with a syntax error: line and column", async () => {
    writeTree(join(directory, "syntax"), {
      ...scriptedBuilderFiles,
      "builder.toml": '[build]\nimage = "a"\n[[order]\n',
    });
    expectError(await create("syntax"), 1, "INVALID_TOML", /syntax\/builder\.toml:3:\d+/);
    const built = await tspack(person, [
      "build",
      "e2e/bad",
      ...hello(),
      "--builder",
      join(directory, "syntax/builder.toml"),
    ]);
    expectError(built, 1, "INVALID_TOML", /builder\.toml:3:\d+/);
  });

  it("of a builder.toml with wrong fields: every one of them", async () => {
    const toml = 'description = 1\n[[buildpacks]]\nid = "x"\n[lifecycle]\nversion = "1"\n';
    writeTree(join(directory, "fields"), { ...scriptedBuilderFiles, "builder.toml": toml });
    const result = await create("fields");
    expectError(
      result,
      3,
      "INVALID_BUILDER",
      /:1:\d+.*description.*expected/,
      /uri.*expected/,
      /lifecycle.*expected/,
      "order",
    );
  });

  it("with a buildpack.toml with a syntax error: line and column", async () => {
    const files = { ...scriptedBuilderFiles, "scripted/buildpack.toml": 'api = "0.11"\n[buildpack]\nid = test\n' };
    writeTree(join(directory, "buildpack-syntax"), files);
    expectError(await create("buildpack-syntax"), 1, "INVALID_TOML", /scripted\/buildpack\.toml:3:\d+/);
  });

  it("with a reserved buildpack id", async () => {
    const toml = (scriptedBuilderFiles["scripted/buildpack.toml"] ?? "").replace('"test/scripted"', '"config"');
    writeTree(join(directory, "reserved"), { ...scriptedBuilderFiles, "scripted/buildpack.toml": toml });
    expectError(await create("reserved"), 1, "INVALID_BUILDPACK", /:3:\d+.*buildpack\.id.*expected/);
  });

  it("with an order that names what it does not have", async () => {
    const toml = (scriptedBuilderFiles["builder.toml"] ?? "").replace('"1.0.0"', '"2.0.0"');
    writeTree(join(directory, "order"), { ...scriptedBuilderFiles, "builder.toml": toml });
    expectError(await create("order"), 3, "INVALID_BUILDER", "order[0]", "test/scripted@1.0.0", "test/scripted@2.0.0");
  });

  it.skipIf(registryTools.skip)(`that its registry does not have${registryTools.note}`, async () => {
    const registry = await startDockerRegistry();
    try {
      const name = `${registry.host}/no/builder`;
      const result = await tspack(person, ["build", "e2e/bad", ...hello(), "--builder", name]);
      expectError(result, 3, "BUILDER_NOT_FOUND", name, "hint: ");
    } finally {
      await registry.close();
    }
  });

  it("in a layout that is not there", async () => {
    const layout = await tspack(person, ["build", "e2e/bad", ...hello(), "--builder", `oci:${directory}/no-layout`]);
    expectError(layout, 3, "BUILDER_NOT_FOUND", "no-layout", "hint: ");
  });

  it("without a lifecycle", async () => {
    const result = await tspack(person, ["build", "e2e/bad", ...hello(), "--builder", "e2e/build:small"]);
    expectError(result, 3, "INVALID_BUILDER", "e2e/build:small", "/cnb/lifecycle/", "hint: ");
  });

  it("without a build user", async () => {
    const store = layoutStore(join(person.home, "data/images"));
    const image = await store.resolve(parseReference(scriptedBuilder));
    if (image === undefined) throw new Error("no builder");
    await store.write(mutate(image, setEnv([["CNB_USER_ID", "cnb"]])), [parseReference("e2e/builder:no-user")], {
      ctx: storeContext,
    });
    const result = await tspack(person, ["build", "e2e/bad", ...hello(), "--builder", "e2e/builder:no-user"]);
    expectError(result, 3, "INVALID_BUILDER", "CNB_USER_ID", '"cnb"', "hint: ");
  });

  it("with an extension that executes something in an image: refused instead of built without it", async () => {
    const store = layoutStore(join(person.home, "data/images"));
    const image = await store.resolve(parseReference(scriptedBuilder));
    if (image === undefined) throw new Error("no builder");
    const layer = await packEntries(extensionEntries, memoryBlobCache());
    await store.write(mutate(image, appendLayers([{ layer }])), [parseReference("e2e/builder:extended")], {
      ctx: storeContext,
    });
    const app = scriptedApp(join(directory, "extended-app"), { build: "true\n" });
    const result = await tspack(person, ["build", "e2e/bad", "--path", app, "--builder", "e2e/builder:extended"]);
    expectError(result, 102, "EXTEND_FAILED", "RUN", "hint: ");
  });
});

describe("names and options", () => {
  it.each([
    ["upper case", ["build", "Hello"], 3, "INVALID_REFERENCE", /expected .*lower/i],
    ["a tag that is none", ["build", "hello:a b"], 3, "INVALID_REFERENCE", /expected/],
    ["a run image in upper case", ["rebase", "hello", "--run-image", "Base"], 3, "INVALID_REFERENCE", /--run-image/],
    [
      "a variable without a name",
      ["build", "hello", "--env", "=x"],
      3,
      "INVALID_ARGUMENTS",
      /--env .*expected NAME=VALUE/,
    ],
    [
      "a time that is none",
      ["build", "hello", "--creation-time", "soon"],
      3,
      "INVALID_ARGUMENTS",
      /--creation-time .*"soon"/,
    ],
  ] as const)("%s", async (_what, args, exit, code, part) => {
    expectError(await tspack(person, args), exit, code, part);
  });

  it("an option that does not exist, a choice that is none, a command too many", async () => {
    for (const [args, part] of [
      [["build", "hello", "--pth", "x"], "--path"],
      [["build", "hello", "--runner", "some"], "auto, engine, sandbox, in-place"],
      [["biuld", "hello"], "build"],
      [["build"], "image"],
    ] as const) {
      const { code, stderr } = await tspack(person, args);
      expect(code).toBe(2);
      expect(stderr).toContain(part);
    }
  });

  it("options of another runner than that of the build, each by its name", async () => {
    const options = ["--network", "some", "--docker-host", "inherit", "--platform", "linux/s390x"];
    const { code, stderr } = await tspack(person, ["build", "hello", ...options]);
    expect(code).toBe(3);
    expect(stderr).toContain("error INVALID_ARGUMENTS: ");
    expect(stderr.match(/^ {2}--(network|docker-host|platform) .*--runner engine/gm)).toHaveLength(3);
  });

  it("a TSPACK_HOME that is relative", async () => {
    const result = await tspack(person, ["images", "list"], { env: { TSPACK_HOME: "here" } });
    expectError(result, 3, "INVALID_ENV", "env TSPACK_HOME", "expected an absolute path", '"here"', "hint: ");
  });

  it("an image that is not in the local store", async () => {
    expectError(await tspack(person, ["images", "rm", "no/such"]), 1, "IMAGE_NOT_FOUND", "no/such", "hint: ");
  });
});

describe.skipIf(registryTools.skip)(`the registry${registryTools.note}`, () => {
  const password = "correct-horse-battery";
  // bcrypt, which no program that is everywhere can make.
  const hash = "$2y$05$abcdefghijklmnopqrstuuSnF5tLPqPFqc0z9CY0HcSLFbSRlL67u";
  const app = (): string => scriptedApp(join(directory, "publish"), { build: "true" });
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry({ htpasswd: `someone:${hash}\n` });
  });
  afterAll(() => registry.close());

  async function publish(host: string, auth?: string): Promise<Finished> {
    const config = join(directory, "docker-config");
    mkdirSync(config, { recursive: true });
    const auths = auth === undefined ? {} : { [host]: { auth: Buffer.from(auth).toString("base64") } };
    writeFileSync(join(config, "config.json"), JSON.stringify({ auths }));
    const args = ["build", `${host}/e2e/app`, "--path", app(), "--builder", scriptedBuilder, "--publish", "--verbose"];
    return tspack(person, args, { env: { DOCKER_CONFIG: config } });
  }

  it("that does not answer", async () => {
    const result = await publish("127.0.0.1:1");
    expectError(result, 32, "ANALYZE_FAILED", "127.0.0.1:1", "ECONNREFUSED", "hint: nothing listens there");
  });

  it("that wants a password and gets none, or a wrong one, which is shown nowhere", async () => {
    expectError(await publish(registry.host), 32, "ANALYZE_FAILED", registry.host, "status 401", "hint: log in");
    const wrong = "wrong-donkey-battery";
    const result = await publish(registry.host, `someone:${wrong}`);
    expectError(result, 32, "ANALYZE_FAILED", registry.host, "status 401", "hint: log in");
    for (const text of [wrong, Buffer.from(`someone:${wrong}`).toString("base64").slice(0, 20)])
      expect(result.stdout + result.stderr).not.toContain(text);
  });

  it("takes the image with the right one, which is shown nowhere either", async () => {
    const result = await publish(registry.host, `someone:${password}`);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout + result.stderr).not.toContain(password);
  });
});
