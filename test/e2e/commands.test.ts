import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { readExpectation } from "./samples.ts";
import {
  buildJson,
  environment,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
  tspack,
} from "./tspack.ts";

const run = promisify(execFile);
const hello = ["--path", packageFile("samples/node-hello")] as const;

let person: Person;
let directory = "";
let digest = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("commands");
  digest = (await buildJson(person, ["e2e/commands", ...hello])).digest;
});
afterAll(() => {
  removeAll(directory);
});

describe("the program itself", () => {
  it("gets its own --env-file, which Node would take for one of its options", async () => {
    const args = ["build", "e2e/variables", ...hello, "--env-file", join(directory, "absent")];
    const env = { ...environment(person), NODE_OPTIONS: "" };
    const ran = await run(packageFile("dist/tspack.js"), args, { env }).catch((error: unknown) => error);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining("error FILE_NOT_FOUND: ") as string });
    const version = await run(packageFile("dist/tspack.js"), ["--version"], { env });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe("--builder", () => {
  const tools = needs("docker-registry", "skopeo");

  it("takes a builder.toml", async () => {
    const built = await buildJson(person, [
      "e2e/by-toml",
      ...hello,
      "--builder",
      packageFile("dist/buildpacks/builder.toml"),
    ]);
    expect(built.digest).toBe(digest);
  });

  it.skipIf(tools.skip)(`takes an image of a registry, and an OCI layout on disk${tools.note}`, async () => {
    const registry = await startDockerRegistry();
    try {
      const name = `${registry.host}/e2e/builder`;
      const config = packageFile("dist/buildpacks/builder.toml");
      const made = await succeed(person, ["builder", "create", name, "--config", config, "--publish"]);
      const [sent] = /sha256:[0-9a-f]{64}/.exec(made.stdout) ?? [];
      const raw = await run("skopeo", ["inspect", "--tls-verify=false", `docker://${name}`], { maxBuffer: 1e8 });
      expect((JSON.parse(raw.stdout) as { Digest: string }).Digest).toBe(sent);
      expect((await buildJson(person, ["e2e/by-image", ...hello, "--builder", name])).digest).toBe(digest);

      const layout = join(directory, "layout");
      await run("skopeo", ["copy", "--src-tls-verify=false", `docker://${name}`, `oci:${layout}`]);
      expect((await buildJson(person, ["e2e/by-layout", ...hello, "--builder", `oci:${layout}`])).digest).toBe(digest);
    } finally {
      await registry.close();
    }
  });

  it("is the same image when it is made twice", async () => {
    const config = packageFile("dist/buildpacks/builder.toml");
    const digests = [];
    for (const name of ["e2e/builder:one", "e2e/builder:two"]) {
      const { stdout } = await succeed(person, ["builder", "create", name, "--config", config]);
      digests.push(/sha256:[0-9a-f]{64}/.exec(stdout)?.[0]);
    }
    expect(digests[0]).toBe(digests[1]);
    await succeed(person, ["images", "rm", "e2e/builder:one", "e2e/builder:two"]);
  });
});

describe("stack create", () => {
  it("makes images that an application can be rebased on", async () => {
    const original = packageFile("stacks/bookworm/stack.toml");
    const text = readFileSync(original, "utf8")
      .replace(/^id = .*/m, 'id = "e2e.stacks.small"')
      .replace(/^build = \[[^\]]*\]/m, 'build = ["make"]')
      .replace(/^run = \[/m, 'run = ["ed",')
      .replace("../keyrings/", `${packageFile("stacks/keyrings")}/`);
    const file = join(directory, "stack.toml");
    writeFileSync(file, text);
    const names = ["--run", "e2e/stack-run", "--build", "e2e/stack-build"];
    const first = await succeed(person, ["stack", "create", file, ...names, "--json"]);
    const made = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; packages: number });
    expect(made.map(({ kind }) => kind)).toEqual(["run", "build"]);
    expect(made[1]?.packages).toBe((made[0]?.packages ?? 0) + 1);
    const again = await succeed(person, ["stack", "create", file, ...names, "--json"]);
    expect(again.stdout).toBe(first.stdout);

    await buildJson(person, ["e2e/rebased", ...hello]);
    const { stdout } = await succeed(person, ["rebase", "e2e/rebased", "--run-image", "e2e/stack-run", "--force"]);
    expect(stdout).toContain("Rebased e2e/rebased");
    const launcher = ["run", "--entrypoint", "launcher", "e2e/rebased", "--"];
    expect((await succeed(person, [...launcher, "sh", "-c", "command -v ed && node -p 1+1"])).stdout).toBe(
      "/usr/bin/ed\n2\n",
    );
  });
});

describe("inspect", () => {
  const expected = readExpectation("node-hello");

  it("shows base, buildpacks, processes and layers", async () => {
    const { stdout } = await succeed(person, ["inspect", "e2e/commands"]);
    expect(stdout).toMatch(new RegExp(`^digest +${digest}$`, "m"));
    expect(stdout).toMatch(/^platform +linux\/(amd64|arm64)$/m);
    expect(stdout).toMatch(/^base +tspack\.local\/run:bookworm$/m);
    for (const id of expected.buildpacks) expect(stdout).toMatch(new RegExp(`${id} \\d+\\.\\d+\\.\\d+$`, "m"));
    expect(stdout).toMatch(/^processes +web \(default\): node server\.js$/m);
  });

  it("prints the same as JSON", async () => {
    const { stdout } = await succeed(person, ["inspect", "--json", "e2e/commands"]);
    expect(JSON.parse(stdout)).toMatchObject({
      image: "e2e/commands",
      digest,
      created: "1980-01-01T00:00:01Z",
      rebasable: true,
      entrypoint: ["/cnb/process/web"],
      buildpacks: expected.buildpacks.map((id) => expect.objectContaining({ id })),
      processes: [expect.objectContaining({ type: "web", command: "node server.js", default: true })],
    });
  });

  it("says when an image is none of a lifecycle", async () => {
    const { stdout } = await succeed(person, ["inspect", "tspack.local/run:bookworm"]);
    expect(stdout).toContain("not made by a lifecycle");
  });
});

describe("images", () => {
  it("lists names with their digests, and forgets them", async () => {
    await buildJson(person, ["e2e/listed", "--tag", "e2e/listed:other", ...hello]);
    const listed = async (): Promise<readonly { readonly name: string; readonly digest: string }[]> =>
      JSON.parse((await succeed(person, ["images", "list", "--json"])).stdout) as [];
    const mine = (await listed()).filter(({ name }) => name.startsWith("e2e/listed:"));
    expect(mine.map(({ name }) => name)).toEqual(["e2e/listed:latest", "e2e/listed:other"]);
    expect(new Set(mine.map((each) => each.digest))).toEqual(new Set([digest]));
    expect((await succeed(person, ["images", "list"])).stdout).toMatch(
      /^e2e\/listed:latest +sha256:[0-9a-f]{12} +[\d.]+ [kM]B$/m,
    );

    await succeed(person, ["images", "rm", "e2e/listed:other"]);
    expect((await listed()).map(({ name }) => name)).not.toContain("e2e/listed:other");
    expect((await succeed(person, ["inspect", "e2e/listed"])).stdout).toContain(digest);
  });
});

describe("the summary of a build", () => {
  it("is one screen for people, one line with --quiet", async () => {
    const { stdout } = await succeed(person, ["build", "e2e/commands", ...hello]);
    expect(stdout).toContain("Built e2e/commands\n");
    expect(stdout).toMatch(new RegExp(`^ +digest +${digest}$`, "m"));
    expect(stdout).toMatch(/^ +processes +web \(default\)$/m);
    expect(stdout).toMatch(/^Next: tspack run e2e\/commands$/m);
    const quiet = await succeed(person, ["build", "e2e/commands", ...hello, "--quiet"]);
    expect(quiet).toEqual({ code: 0, stdout: `e2e/commands@${digest}\n`, stderr: "" });
  });
});

describe("version, help and completion", () => {
  it("prints the version of the package, in every spelling", async () => {
    const { version } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string };
    for (const spelling of ["version", "--version", "-V"]) {
      const { stdout } = await succeed(person, [spelling]);
      expect(stdout.startsWith(version)).toBe(true);
      expect(stdout.split("\n").length).toBe(2);
    }
  });

  it.each(["build", "run", "rebase", "inspect", "images", "builder create", "stack create"])(
    "helps with %s, by example",
    async (name) => {
      const { stdout } = await succeed(person, [...name.split(" "), "--help"]);
      expect(stdout).toContain(`Usage: tspack ${name}`);
      expect(stdout).toMatch(/Examples:\n {2}\$ tspack /);
    },
  );

  it.skipIf(!isInstalled("bash"))("prints a script that bash takes, and completes commands", async () => {
    const { stdout } = await succeed(person, ["completion", "bash"]);
    const script = join(directory, "completion.bash");
    writeFileSync(script, stdout);
    await run("bash", ["-c", `set -e; source "$1"; complete -p tspack`, "bash", script]);
    const { stdout: words } = await tspack(person, ["complete", "--", "bu"]);
    expect(words).toMatch(/^build(\t|$)/m);
    expect(words).toMatch(/^builder(\t|$)/m);
  });
});
