import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Analyzed } from "../../lifecycle/cnb/files/analyzed.ts";
import type { Plan } from "../../lifecycle/cnb/files/plan.ts";
import { generate, type GenerateResult } from "../../lifecycle/phases/generate.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
let printed: string;
beforeEach(() => {
  builder = fixture();
  printed = "";
});
afterEach(() => builder.remove());

function extension(id: string, files: Readonly<Record<string, string>>, keys = ""): void {
  const root = `extensions/${id.replaceAll("/", "_")}/1.0.0`;
  builder.write(`${root}/extension.toml`, `api = "0.10"\n[extension]\nid = "${id}"\nversion = "1.0.0"\n${keys}`);
  for (const [name, text] of Object.entries(files)) {
    builder.write(`${root}/${name}`, name.startsWith("bin/") ? `#!/bin/sh\nset -eu\n${text}\n` : text);
    chmodSync(join(builder.dir, root, name), 0o755);
  }
}

/** An extension whose `bin/generate` writes files. */
const writing = (files: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  "bin/generate": Object.entries(files)
    .map(([name, text]) => `cat > "$CNB_OUTPUT_DIR/${name}" <<'END'\n${text}\nEND`)
    .join("\n"),
});

const known: Analyzed = {
  metadata: noLayersMetadata,
  runImage: {
    reference: "localhost/run@sha256:0",
    image: "localhost/run",
    target: { os: "linux", arch: "amd64", distro: { name: "debian", version: "12" } },
  },
};

interface Options {
  readonly api?: string;
  readonly plan?: Plan;
  readonly analyzed?: Analyzed;
}

function run(ids: readonly string[], { api = "0.13", plan = { entries: [] }, analyzed = known }: Options = {}) {
  const decoder = new TextDecoder();
  return generate(
    {
      ...builder.inputs(api),
      extensionsDir: join(builder.dir, "extensions"),
      extensions: ids.map((id) => ({ id, version: "1.0.0", api: "0.10", extension: true })),
      plan,
      analyzed,
      runToml: { images: [{ image: "localhost/run", mirrors: ["localhost/mirror"] }] },
      generatedDir: join(builder.dir, "generated"),
    },
    { ctx: builder.ctx, output: { kind: "stream", write: (bytes) => void (printed += decoder.decode(bytes)) } },
  );
}

const generated = (path: string): string => readFileSync(join(builder.dir, "generated", path), "utf8");
const isThere = (path: string): boolean => existsSync(join(builder.dir, "generated", path));
const runImageOf = ({ analyzed }: GenerateResult): unknown => analyzed.runImage;
const warnings = (): readonly string[] => builder.log.filter((line) => line.startsWith("warn "));

describe("bin/generate", () => {
  const environment = 'env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort; echo "$@"; cat "$CNB_BP_PLAN_PATH"';

  test("is given its output directory, the platform, what it has to provide, and no more", async () => {
    extension("a/x", { "bin/generate": environment });
    builder.write("platform/env/USER_VAR", "from user");
    const plan: Plan = {
      entries: [
        {
          providers: [{ id: "a/x", version: "1.0.0", extension: true }],
          requires: [{ name: "curl", metadata: { v: 1n } }],
        },
        { providers: [{ id: "a/x", version: "1.0.0" }], requires: [{ name: "of-buildpack", metadata: undefined }] },
      ],
    };
    const result = await run(["a/x"], { plan });
    const output = join(builder.dir, "generated/a_x");
    const platform = join(builder.dir, "platform");
    const planPath = /^CNB_BP_PLAN_PATH=(.*)$/m.exec(printed)?.[1];
    expect(printed.trimEnd().split("\n")).toEqual([
      `CNB_BP_PLAN_PATH=${planPath}`,
      `CNB_EXTENSION_DIR=${join(builder.dir, "extensions/a_x/1.0.0")}`,
      `CNB_OUTPUT_DIR=${output}`,
      `CNB_PLATFORM_DIR=${platform}`,
      "CNB_TARGET_ARCH=amd64",
      "CNB_TARGET_DISTRO_NAME=debian",
      "CNB_TARGET_DISTRO_VERSION=12",
      "CNB_TARGET_OS=linux",
      "HOME=/home/cnb",
      "PATH=/usr/bin:/bin",
      "USER_VAR=from user",
      `${output} ${platform} ${planPath}`,
      "[[entries]]",
      '  name = "curl"',
      "  [entries.metadata]",
      "    v = 1",
    ]);
    expect(result.plan.entries.map(({ requires }) => requires[0]?.name)).toEqual(["of-buildpack"]);
  });

  test("that fails is EXTENSION_FAILED, and later extensions do not run", async () => {
    extension("a", { "bin/generate": "echo no >&2; exit 3" });
    extension("b", { "bin/generate": "touch ran" });
    await expect(run(["a", "b"])).rejects.toMatchObject({
      code: "EXTENSION_FAILED",
      message: "failed to build: exit status 3",
    });
    expect(printed).toBe("no\n");
    expect(existsSync(join(builder.app.path, "ran"))).toBe(false);
  });

  test("need not be there: the directory `generate` is its output, which stays as it is in the builder", async () => {
    extension("a", { "generate/run.Dockerfile": "FROM localhost/b", "generate/context/file": "x" });
    extension("b", { "generate/run.Dockerfile": "FROM localhost/c" });
    await run(["a", "b"]);
    expect(generated("a/run.Dockerfile.ignore")).toBe("FROM localhost/b");
    expect(generated("a/context/file")).toBe("x");
    expect(existsSync(join(builder.dir, "extensions/a/1.0.0/generate/run.Dockerfile"))).toBe(true);
  });

  test("finds nothing of an earlier build", async () => {
    builder.write("generated/a/run.Dockerfile", "FROM localhost/old");
    extension("a", { "bin/generate": "" });
    expect(runImageOf(await run(["a"]))).toEqual(known.runImage);
    expect(isThere("a/run.Dockerfile")).toBe(false);
  });
});

describe("the run image", () => {
  test("is switched by the last FROM, and earlier Dockerfiles are put aside", async () => {
    extension("a", writing({ "run.Dockerfile": "FROM ${base_image}\nRUN one" }));
    extension("b", writing({ "run.Dockerfile": "FROM localhost/mirror" }));
    extension("c", writing({ "build.Dockerfile": "ARG base_image\nFROM ${base_image}\nRUN x" }));
    expect(runImageOf(await run(["a", "b", "c"]))).toEqual({
      reference: "localhost/mirror",
      image: "localhost/mirror",
    });
    expect([isThere("a/run.Dockerfile"), isThere("a/run.Dockerfile.ignore"), isThere("b/run.Dockerfile")]).toEqual([
      false,
      true,
      true,
    ]);
    expect(warnings()).toEqual([]);
  });

  test("may be one that the builder does not name, with a warning, and be extended", async () => {
    extension("a", writing({ "run.Dockerfile": "FROM localhost/new\nUSER 1" }));
    expect(runImageOf(await run(["a"]))).toEqual({
      reference: "localhost/new",
      image: "localhost/new",
      extend: true,
    });
    expect(warnings()).toEqual(["warn new runtime base image 'localhost/new' not found in run metadata"]);
  });

  test("keeps what is known of it when it is only extended", async () => {
    extension("a", writing({ "run.Dockerfile": "FROM localhost/run\nENV A=b" }));
    expect(runImageOf(await run(["a"]))).toEqual({ ...known.runImage, extend: true });
  });

  test("is not touched by Dockerfiles of the build image", async () => {
    extension("a", writing({ "build.Dockerfile": "ARG base_image\nFROM ${base_image}\nRUN x" }));
    expect((await run(["a"])).analyzed).toEqual(known);
  });
});

describe("below Platform API 0.13", () => {
  test("Dockerfiles lie below the kind of image, with their arguments", async () => {
    extension(
      "a/x",
      writing({
        "run.Dockerfile": "FROM ${base_image}\nUSER 1",
        "build.Dockerfile": "ARG base_image\nFROM ${base_image}",
        "extend-config.toml": '[[build.args]]\nname = "a"\nvalue = "b"',
      }),
    );
    extension("b", writing({ "run.Dockerfile": "FROM localhost/mirror" }));
    await run(["a/x", "b"], { api: "0.12" });
    expect(generated("run/a_x/Dockerfile.ignore")).toBe("FROM ${base_image}\nUSER 1\n");
    expect(generated("run/b/Dockerfile")).toBe("FROM localhost/mirror\n");
    expect(generated("build/a_x/Dockerfile")).toBe("ARG base_image\nFROM ${base_image}\n");
    expect(generated("build/a_x/extend-config.toml")).toContain('name = "a"');
    expect(isThere("a_x")).toBe(false);
  });
});

describe("output that cannot be used is GENERATE_FAILED", () => {
  test.each([
    [
      { "run.Dockerfile": "FROM a\nFROM b" },
      "failed to parse run.Dockerfile for extension a: run.Dockerfile is not permitted to use multistage build",
    ],
    [
      { "extend-config.toml": '[[run.args]]\nname = "user_id"\nvalue = "0"' },
      /^failed to build: validating extend config: /,
    ],
    [{ "extend-config.toml": "[[run.args" }, /^failed to build: reading extend config: toml: line \d/],
  ])("%j", async (files, message) => {
    extension("a", writing(files));
    await expect(run(["a"])).rejects.toMatchObject({
      code: "GENERATE_FAILED",
      message: typeof message === "string" ? `failed to build: ${message}` : expect.stringMatching(message),
    });
  });

  test("when a shared context is beside one of an image", async () => {
    extension("a", { "bin/generate": 'mkdir "$1/context" "$1/context.run"' });
    await expect(run(["a"])).rejects.toMatchObject({ code: "GENERATE_FAILED" });
  });

  test("when a Dockerfile is a link, wherever it leads", async () => {
    mkdirSync(join(builder.dir, "secret"));
    builder.write("secret/file", "FROM localhost/run");
    extension("a", { "bin/generate": `ln -s ${join(builder.dir, "secret/file")} "$1/run.Dockerfile"` });
    await expect(run(["a"])).rejects.toMatchObject({
      code: "GENERATE_FAILED",
      message: expect.stringContaining("run.Dockerfile is not a regular file"),
    });
  });
});
